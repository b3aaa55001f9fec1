// What a relay can't do less than: starts the command that its arguments are, and copies with read and write
// what comes on standard input to that, and what that says to standard output. It looks at nothing. One
// thread, 64 KiB at a time, which is what a pipe holds.

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

/// One direction: what was read and hasn't been written yet.
struct direction {
  int from;
  int to;
  std::vector<char> bytes = std::vector<char>(64 * 1024);
  std::size_t begin = 0;
  std::size_t end = 0;
  bool ended = false;

  bool empty() const { return begin == end; }
  pollfd wanted() const {
    if (ended) return {-1, 0, 0};
    return empty() ? pollfd{from, POLLIN, 0} : pollfd{to, POLLOUT, 0};
  }
  void go_on() {
    if (empty()) {
      const ssize_t count = read(from, bytes.data(), bytes.size());
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return finish();
      begin = 0;
      end = static_cast<std::size_t>(count);
    }
    const ssize_t count = write(to, bytes.data() + begin, end - begin);
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) return finish();
    begin += static_cast<std::size_t>(count);
  }
  void finish() {
    ended = true;
    close(to);
  }
};

void no_blocking(int descriptor) { fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

}  // namespace

int main(int argc, char** argv) {
  int there[2];
  int back[2];
  if (argc < 2 || pipe(there) != 0 || pipe(back) != 0) {
    std::fputs("usage: splice_server COMMAND [ARGUMENT...]\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(there[0], 0);
    dup2(back[1], 1);
    for (const int descriptor : {there[0], there[1], back[0], back[1]}) close(descriptor);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  close(there[0]);
  close(back[1]);
  for (const int descriptor : {0, 1, there[1], back[0]}) no_blocking(descriptor);
  direction out{0, there[1]};
  direction in{back[0], 1};
  while (!in.ended) {
    pollfd ready[] = {out.wanted(), in.wanted()};
    if (poll(ready, 2, -1) < 0) break;
    if (ready[0].revents != 0) out.go_on();
    if (ready[1].revents != 0) in.go_on();
  }
  int how = 0;
  waitpid(child, &how, 0);
  return WIFEXITED(how) ? WEXITSTATUS(how) : 1;
}
