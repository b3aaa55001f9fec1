// What a relay of bytes can't do less than: starts the command that its arguments are, and copies with read
// and write what comes on standard input to that, and what that says to standard output. It looks at nothing.
// A thread for each direction, 64 KiB at a time, which is what a pipe holds.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

void copy(int from, int to) {
  std::vector<char> bytes(64 * 1024);
  for (;;) {
    const ssize_t count = read(from, bytes.data(), bytes.size());
    if (count <= 0) break;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written = write(to, bytes.data() + done, static_cast<std::size_t>(count - done));
      if (written <= 0) return;
      done += written;
    }
  }
  close(to);
}

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
  std::thread requests(copy, 0, there[1]);
  copy(back[0], 1);
  requests.join();
  int how = 0;
  waitpid(child, &how, 0);
  return WIFEXITED(how) ? WEXITSTATUS(how) : 1;
}
