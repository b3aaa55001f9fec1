#pragma once

#include "benchmarks/load/channel.hpp"
#include "benchmarks/load/clock.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace load {

/// The CPU time that a process has used, all its threads together, not the processes that it has started.
/// None when there is no such process. Of another process's, waits 10 ms: until its clock shows all that it
/// has used.
std::optional<nanoseconds> cpu_time_of(pid_t process) noexcept;

/// A server that was started here and talks over its stdin and stdout; its stderr is ours.
class server_process {
 public:
  /// Starts it. Throws `failure`.
  /// @param ends receives our ends of its pipes
  server_process(const std::vector<std::string>& command, channel& ends);
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  /// Kills it if it still runs.
  ~server_process();

  pid_t pid() const noexcept { return pid_; }

  /// Waits for its end, which the end of its input should have brought about; sends SIGTERM, then SIGKILL,
  /// where it doesn't come.
  /// @return what is wrong with the way it ended; empty when it exited by itself with 0
  std::string stop();

 private:
  std::optional<int> wait_for(nanoseconds most);

  pid_t pid_ = 0;
  descriptor process_;
};

}  // namespace load
