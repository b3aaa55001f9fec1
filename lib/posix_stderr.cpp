#include <antiphon/run_main.hpp>

#include <poll.h>
#include <unistd.h>

namespace antiphon {

void write_to_stderr(std::string_view text) noexcept {
  // So much a pipe takes whole when it takes anything.
  constexpr std::size_t most = 4096;
  pollfd out{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&out, 1, 0) != 1 || out.revents != POLLOUT) return;
  text = text.substr(0, most);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace antiphon
