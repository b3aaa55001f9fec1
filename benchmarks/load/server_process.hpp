#pragma once

#include "benchmarks/load/channel.hpp"
#include "benchmarks/load/clock.hpp"

#include <sys/types.h>

#include <ctime>
#include <optional>
#include <string>
#include <vector>

namespace load {

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

  /// The CPU time that it has used, all its threads together, not the processes that it has started. None
  /// once it has ended.
  std::optional<nanoseconds> cpu_time() const noexcept;

  /// Waits for its end, which the end of its input should have brought about; sends SIGTERM, then SIGKILL,
  /// where it doesn't come.
  /// @return what is wrong with the way it ended; empty when it exited by itself with 0
  std::string stop();

 private:
  std::optional<int> wait_for(nanoseconds most);

  pid_t pid_ = 0;
  clockid_t clock_{};
  descriptor process_;
};

}  // namespace load
