#pragma once

#include <antiphon/transport/transport.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {

/// How a process ended: by itself with `code`, or by `signal`.
struct exit_status {
  /// What it passed to exit, -1 when it did not exit by itself.
  int code = -1;
  /// The signal that ended it, 0 when none did. Both unset means that nobody knows: someone else has reaped
  /// it.
  int signal = 0;

  bool success() const noexcept { return code == 0 && signal == 0; }
  bool operator==(const exit_status&) const = default;
};

/// A program to start: its arguments, and what surrounds it. Never a shell's command line.
class command {
 public:
  using line_hook = std::function<void(std::string_view line)>;
  using exit_hook = std::function<void(exit_status how)>;
  /// What becomes of the program's standard error.
  enum class stderr_target { inherit, discard };

  /// @param program a path, or a name to find in PATH
  explicit command(std::string program) { arguments_.push_back(std::move(program)); }

  /// Adds one argument.
  command& arg(std::string argument) & {
    arguments_.push_back(std::move(argument));
    return *this;
  }
  /// Adds several.
  command& args(std::vector<std::string> more) & {
    for (auto& argument : more) arguments_.push_back(std::move(argument));
    return *this;
  }
  /// Sets an environment variable; the others are inherited.
  command& env(std::string name, std::string value) & {
    environment_.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  /// The directory to start in; a relative path to the program counts from there.
  command& directory(std::string path) & {
    directory_ = std::move(path);
    return *this;
  }
  /// Standard error goes where ours goes (the default), or nowhere.
  command& stderr_to(stderr_target target) & {
    stderr_target_ = target;
    stderr_hook_ = nullptr;
    return *this;
  }
  /// Standard error is read to its end and handed over line by line, without the line end, on the executor.
  /// Lines over 64 KiB come in pieces. The hook must not throw.
  command& stderr_to(line_hook hook) & {
    stderr_hook_ = std::move(hook);
    return *this;
  }
  /// The ladder of stopping: how long it has after the end of its input before SIGTERM is sent, and after
  /// that before SIGKILL. Two seconds each by default.
  command& stop_times(std::chrono::milliseconds after_end_of_input,
                      std::chrono::milliseconds after_terminate) & {
    after_end_of_input_ = after_end_of_input;
    after_terminate_ = after_terminate;
    return *this;
  }
  /// Called once on the executor when the process has ended and its standard error has been handed over. Must
  /// not throw.
  command& on_exit(exit_hook hook) & {
    exit_hook_ = std::move(hook);
    return *this;
  }
  /// Where receive buffers come from; by default the program's shared pool.
  command& buffers(std::shared_ptr<buffer_source> source) & {
    buffers_ = std::move(source);
    return *this;
  }

  // The same on a temporary, so that a command can be written as one expression.
  command&& arg(std::string argument) && { return std::move(arg(std::move(argument))); }
  command&& args(std::vector<std::string> more) && { return std::move(args(std::move(more))); }
  command&& env(std::string name, std::string value) && {
    return std::move(env(std::move(name), std::move(value)));
  }
  command&& directory(std::string path) && { return std::move(directory(std::move(path))); }
  command&& stderr_to(stderr_target target) && { return std::move(stderr_to(target)); }
  command&& stderr_to(line_hook hook) && { return std::move(stderr_to(std::move(hook))); }
  command&& stop_times(std::chrono::milliseconds after_end_of_input,
                       std::chrono::milliseconds after_terminate) && {
    return std::move(stop_times(after_end_of_input, after_terminate));
  }
  command&& on_exit(exit_hook hook) && { return std::move(on_exit(std::move(hook))); }
  command&& buffers(std::shared_ptr<buffer_source> source) && {
    return std::move(buffers(std::move(source)));
  }

  const std::string& program() const noexcept { return arguments_.front(); }

 private:
  friend class child_process;  // its state

  std::vector<std::string> arguments_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::string directory_;
  stderr_target stderr_target_ = stderr_target::inherit;
  line_hook stderr_hook_;
  exit_hook exit_hook_;
  std::chrono::milliseconds after_end_of_input_{2000};
  std::chrono::milliseconds after_terminate_{2000};
  std::shared_ptr<buffer_source> buffers_;
};

/// A running program with its standard input and output in our hands. Most need only `spawn`.
///
/// It inherits no descriptor but 0, 1 and 2, and has SIGPIPE's default disposition. Used on its executor
/// only. It is always reaped: the io_context has work until then, and one that is destroyed earlier kills it
/// (SIGTERM, and SIGKILL 100 ms later).
class child_process {
 public:
  class state;

  /// Nothing; for moving into.
  child_process() noexcept = default;
  /// Starts it.
  /// @throws boost::system::system_error naming the program, when it can't be started; `errc::spawn_failed`
  ///         when the system can't watch it (no pidfd)
  child_process(asio::any_io_executor executor, command what);
  child_process(child_process&&) noexcept = default;
  child_process& operator=(child_process&&) noexcept;
  /// Climbs the ladder of stopping in the background.
  ~child_process();

  /// Its process id; meaningful to others only until it is reaped.
  int pid() const noexcept;

  /// Its standard output and input as a transport, once; null afterwards. Closing this one closes both and
  /// leaves the process alone.
  transport_ptr take_stdio();

  /// Waits until it has ended.
  /// @throws boost::system::system_error when there is no process (`bad_descriptor`)
  asio::awaitable<exit_status> wait();

  /// Ends it: closes its standard input, waits, SIGTERM, waits, SIGKILL (`command::stop_times`). Whoever
  /// cancels the waiting does not stop the ladder.
  asio::awaitable<exit_status> stop();
  /// The same from SIGTERM on, for a process that wouldn't notice the end of its input.
  asio::awaitable<exit_status> terminate();

 private:
  std::shared_ptr<state> state_;
};

/// Starts a program and talks to it over its standard input and output.
///
/// The input ends once everyone who holds the program's standard output has closed it: processes that it
/// started and left behind may outlive it there. `command::on_exit` tells about the program itself.
/// The transport owns the process: `close` or destruction closes its input and climbs the ladder of stopping
/// in the background until it is reaped; `command::on_exit` tells how it ended.
/// @throws boost::system::system_error as the constructor of `child_process` does
asio::awaitable<transport_ptr> spawn(command what);

}  // namespace antiphon
