#include "benchmarks/load/server_process.hpp"

#include "benchmarks/load/failure.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>

namespace load {
namespace {

using namespace std::chrono_literals;

struct pipe_ends {
  descriptor read;
  descriptor write;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw failure(why("cannot make a pipe"));
  return {descriptor(ends[0]), descriptor(ends[1])};
}

pid_t start(const std::vector<std::string>& command, int input, int output) {
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);

  // SIGPIPE is ignored here; a server is to find it as a shell would leave it.
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = 0;
  errno = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  const int problem = errno;
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  errno = problem;
  if (problem != 0) throw failure(why(fmt::format("cannot start {}", command.front()).c_str()));
  return pid;
}

std::string problem_of(int status) {
  // SIGPIPE: we had closed our end, because of what was wrong before.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) return {};
  if (WIFSIGNALED(status)) return fmt::format("the server died of signal {}", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return fmt::format("the server's exit code is {}", WEXITSTATUS(status));
  return {};
}

}  // namespace

std::optional<nanoseconds> cpu_time_of(pid_t process) noexcept {
  if (process == 0) return std::nullopt;
  // Linux brings another process's clock up to date when it sleeps, or at the next timer tick: without this,
  // all that it has used in a short measurement can be missing.
  constexpr std::chrono::milliseconds longest_tick{10};
  if (process != ::getpid()) std::this_thread::sleep_for(longest_tick);
  clockid_t used_by{};
  timespec used{};
  if (::clock_getcpuclockid(process, &used_by) != 0 || ::clock_gettime(used_by, &used) != 0)
    return std::nullopt;
  return std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
}

server_process::server_process(const std::vector<std::string>& command, channel& ends) {
  pipe_ends to = make_pipe();
  pipe_ends from = make_pipe();
  pid_ = start(command, to.read.get(), from.write.get());
  process_ = descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  ends = over_pipes(std::move(to.write), std::move(from.read));
}

server_process::~server_process() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string server_process::stop() {
  if (const auto status = wait_for(3s)) return problem_of(*status);
  ::kill(pid_, SIGTERM);
  if (!wait_for(2s)) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  return "the server ran on after the end of its input, and was terminated";
}

std::optional<int> server_process::wait_for(nanoseconds most) {
  pollfd ended{.fd = process_.get(), .events = POLLIN, .revents = 0};
  ::poll(&ended, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count()));
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = 0;
  return status;
}

}  // namespace load
