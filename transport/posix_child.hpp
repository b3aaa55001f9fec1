#pragma once

#include "transport/event.hpp"
#include "transport/posix_fd.hpp"
#include "transport/posix_stream.hpp"

#include <antiphon/transport/child_process.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/types.h>

#include <memory>
#include <string>

namespace antiphon {

/// A process that was started and has not been forgotten: watched until it is reaped, stopped on demand.
///
/// Its pending handlers own it. They belong to the io_context, so with that one the last owner goes, and the
/// destructor kills what still runs.
class child_process::state : public std::enable_shared_from_this<child_process::state> {
 public:
  static std::shared_ptr<state> start(const asio::any_io_executor& executor, command what);
  state(const asio::any_io_executor& executor, command what);
  ~state();

  int pid() const noexcept { return pid_; }
  /// Its output and input, once. With `owning`, closing the transport stops the process.
  transport_ptr take_stdio(bool owning);
  /// Starts the ladder; does nothing the second time, or when it has ended.
  void begin_stop() noexcept;
  /// Goes on with SIGTERM at once.
  void begin_terminate() noexcept;
  /// Keeps `self` until it ends, also before it has started.
  static asio::awaitable<exit_status> wait(std::shared_ptr<state> self);

 private:
  class stdio;

  void launch();
  void open_process();
  void watch_process();
  void process_ended();
  void watch_stderr();
  /// Reads what is there, at most `max_bytes`; false at the end.
  bool read_stderr(std::size_t max_bytes);
  void hand_over(std::string_view bytes);
  void after(std::chrono::milliseconds delay, void (state::*next)() noexcept) noexcept;
  void terminate() noexcept;
  void kill() noexcept;
  void send_signal(int number) noexcept;
  bool collect(int extra_flags) noexcept;

  asio::any_io_executor executor_;
  command what_;
  pid_t pid_ = -1;
  posix::unique_fd to_stdin_;
  posix::unique_fd from_stdout_;
  posix::stream* stdio_ = nullptr;          // while it lives, after it was taken
  asio::posix::stream_descriptor process_;  // a pidfd
  asio::posix::stream_descriptor stderr_;
  std::string partial_line_;
  asio::steady_timer ladder_;
  event ended_event_;
  exit_status how_;
  bool running_ = false;
  bool stopping_ = false;
};

}  // namespace antiphon
