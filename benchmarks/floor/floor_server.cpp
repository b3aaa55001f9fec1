// The limit that no server can beat: requests from standard input, replies to standard output, with blocking
// reads and writes and no JSON library. `./dev bench roundtrip` measures it beside the others.

#include "benchmarks/floor/answers.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <span>

namespace {

struct part : iovec {
  part(char* data, std::size_t size) noexcept : iovec{data, size} {}
};

bool write_all(std::span<part> parts) {
  while (!parts.empty()) {
    const int count = static_cast<int>(std::min<std::size_t>(parts.size(), IOV_MAX));
    const ssize_t wrote = ::writev(STDOUT_FILENO, parts.data(), count);
    if (wrote < 0) return false;
    auto rest = static_cast<std::size_t>(wrote);
    while (!parts.empty() && rest >= parts.front().iov_len) {
      rest -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (rest == 0) continue;
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + rest;
    parts.front().iov_len -= rest;
  }
  return true;
}

}  // namespace

int main() {
  bench::input in;
  bench::replies<part> out;
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, in.space().data(), in.space().size());
    if (got < 0) return 1;
    if (got == 0) return in.empty() ? 0 : 1;
    in.commit(static_cast<std::size_t>(got));
    out.answer_all(in);
    if (!write_all(out.parts())) return 1;
    in.make_space();
  }
}
