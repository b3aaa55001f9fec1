#include "transport/posix_child.hpp"

#include "transport/fail.hpp"
#include "transport/posix_descriptor.hpp"
#include "transport/posix_io.hpp"
#include "transport/posix_pidfd.hpp"
#include "transport/posix_spawn.hpp"

#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace antiphon {
namespace {

constexpr std::size_t longest_line = 64 * 1024;
constexpr std::size_t stderr_bytes_at_a_time = 64 * 1024;
// What may lie in a pipe by the time its writer is gone, with room for the largest that a user may ask for.
constexpr std::size_t stderr_bytes_at_the_end = 1 << 20;
constexpr int milliseconds_to_terminate = 100;

template <class Function, class... Arguments>
void call_hook(const Function& hook, Arguments&&... arguments) noexcept {
  if (!hook) return;
  try {
    hook(std::forward<Arguments>(arguments)...);
  } catch (...) {  // documented as not allowed, and nobody's to handle
  }
}

}  // namespace

/// The child's output and input; tells the child when it is closed.
class child_process::state::stdio final : public posix::stream {
 public:
  stdio(std::shared_ptr<state> process, posix::channel in, posix::channel out, bool owning)
      : posix::stream(process->executor_, std::move(in), std::move(out), process->what_.buffers_),
        process_(std::move(process)),
        owning_(owning) {
    process_->stdio_ = this;
  }
  ~stdio() override {
    stdio::close();
    process_->stdio_ = nullptr;
  }

  void close() noexcept override {
    posix::stream::close();
    if (owning_) process_->begin_stop();
  }

 private:
  std::shared_ptr<state> process_;
  bool owning_;
};

std::shared_ptr<child_process::state> child_process::state::start(const asio::any_io_executor& executor,
                                                                  command what) {
  auto made = std::make_shared<state>(executor, std::move(what));
  made->launch();
  made->watch_process();
  if (made->stderr_.is_open()) made->watch_stderr();
  return made;
}

child_process::state::state(const asio::any_io_executor& executor, command what)
    : executor_(executor),
      what_(std::move(what)),
      process_(executor),
      stderr_(executor),
      ladder_(executor),
      ended_event_(executor) {}

child_process::state::~state() {
  if (!running_) return;
  to_stdin_.reset();
  send_signal(SIGTERM);
  pollfd ended{process_.native_handle(), POLLIN, 0};
  if (::poll(&ended, 1, milliseconds_to_terminate) != 1) send_signal(SIGKILL);
  // Asio has made the pidfd non-blocking, waitid included.
  while (!collect(0)) ::poll(&ended, 1, -1);
}

void child_process::state::launch() {
  posix::pipe_ends input = posix::make_pipe();
  posix::pipe_ends output = posix::make_pipe();
  posix::pipe_ends error;
  posix::standard_descriptors descriptors{input.read.get(), output.write.get(), -1};
  if (what_.stderr_hook_) {
    error = posix::make_pipe();
    posix::set_nonblocking(error.read.get());
  } else if (what_.stderr_target_ == command::stderr_target::discard) {
    posix::unique_fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (!null) fail(posix::last_error(), "/dev/null");
    error.write = posix::above_standard(std::move(null));
  }
  descriptors.error = error.write.get();
  posix::set_nonblocking(input.write.get());
  posix::set_nonblocking(output.read.get());
  posix::ignore_sigpipe();

  pid_ = posix::spawn_process(what_.arguments_, what_.environment_, what_.directory_, descriptors);
  open_process();
  if (error.read) posix::hand_over(std::move(error.read), stderr_);
  to_stdin_ = std::move(input.write);
  from_stdout_ = std::move(output.read);
}

/// A process that can't be watched is not left behind.
void child_process::state::open_process() {
  try {
    posix::unique_fd process = posix::open_pidfd(pid_);
    if (!process) fail(errc::spawn_failed, "watch " + what_.program());
    posix::hand_over(posix::above_standard(std::move(process)), process_);
    running_ = true;
  } catch (...) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw;
  }
}

transport_ptr child_process::state::take_stdio(bool owning) {
  if (!to_stdin_) return nullptr;
  auto in = posix::channel::own(executor_, std::move(from_stdout_), posix::access::owned);
  auto out = posix::channel::own(executor_, std::move(to_stdin_), posix::access::owned);
  return std::make_unique<stdio>(shared_from_this(), std::move(in), std::move(out), owning);
}

asio::awaitable<exit_status> child_process::state::wait(std::shared_ptr<state> self) {
  while (self->running_) {
    auto waiting = self->ended_event_.wait();
    co_await std::move(waiting);
  }
  co_return self->how_;
}

void child_process::state::watch_process() {
  process_.async_wait(asio::posix::descriptor_base::wait_read,
                      [self = shared_from_this()](const error_code& ec) {
                        if (!ec) self->process_ended();
                      });
}

void child_process::state::process_ended() {
  if (!collect(WNOHANG)) {
    watch_process();
    return;
  }
  ladder_.cancel();
  // A grandchild may hold its standard error open for ever: only what is there by now is waited for.
  if (stderr_.is_open()) read_stderr(stderr_bytes_at_the_end);
  if (!partial_line_.empty()) call_hook(what_.stderr_hook_, std::string_view(partial_line_));
  posix::close(stderr_);
  posix::close(process_);
  call_hook(what_.exit_hook_, how_);
  // They may own what owns the process.
  what_.exit_hook_ = nullptr;
  what_.stderr_hook_ = nullptr;
  ended_event_.notify();
}

/// Reaps it if it has ended; true when there is nothing to reap any more.
bool child_process::state::collect(int extra_flags) noexcept {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(process_.native_handle()), &info, WEXITED | extra_flags);
  } while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return false;
  if (result != 0 && errno == EAGAIN) return false;
  running_ = false;
  if (result != 0) return true;  // someone else was faster
  if (info.si_code == CLD_EXITED) {
    how_.code = info.si_status;
  } else {
    how_.signal = info.si_status;
  }
  return true;
}

void child_process::state::watch_stderr() {
  stderr_.async_wait(asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](const error_code& ec) {
                       if (ec || !self->stderr_.is_open()) return;
                       if (self->read_stderr(stderr_bytes_at_a_time)) {
                         self->watch_stderr();
                       } else {
                         posix::close(self->stderr_);
                       }
                     });
}

bool child_process::state::read_stderr(std::size_t max_bytes) {
  std::array<char, 4096> bytes;
  for (std::size_t total = 0; total < max_bytes;) {
    const posix::io_result got = posix::read_now(stderr_.native_handle(), posix::access::owned, bytes);
    if (got.error != 0) return got.error == EAGAIN;
    if (got.count == 0) return false;
    hand_over(std::string_view(bytes.data(), got.count));
    total += got.count;
  }
  return true;
}

void child_process::state::hand_over(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const bool whole = end != std::string_view::npos;
    const auto piece =
        bytes.substr(0, std::min(whole ? end : bytes.size(), longest_line - partial_line_.size()));
    partial_line_ += piece;
    const bool at_end = whole && piece.size() == end;
    bytes.remove_prefix(piece.size() + (at_end ? 1 : 0));
    if (!at_end && partial_line_.size() < longest_line) continue;
    if (at_end && partial_line_.ends_with('\r')) partial_line_.pop_back();
    call_hook(what_.stderr_hook_, std::string_view(partial_line_));
    partial_line_.clear();
  }
}

void child_process::state::begin_stop() noexcept {
  if (stopping_ || !running_) return;
  stopping_ = true;
  to_stdin_.reset();
  if (stdio_ != nullptr) stdio_->shutdown_send();
  after(what_.after_end_of_input_, &state::terminate);
}

void child_process::state::begin_terminate() noexcept {
  begin_stop();
  if (running_) terminate();
}

void child_process::state::terminate() noexcept {
  send_signal(SIGTERM);
  after(what_.after_terminate_, &state::kill);
}

void child_process::state::kill() noexcept { send_signal(SIGKILL); }

void child_process::state::after(std::chrono::milliseconds delay, void (state::*next)() noexcept) noexcept {
  try {
    // So that no addition overflows.
    ladder_.expires_after(std::min<std::chrono::milliseconds>(delay, std::chrono::hours(24 * 365)));
    ladder_.async_wait([self = shared_from_this(), next](const error_code& ec) {
      if (!ec && self->running_) ((*self).*next)();
    });
  } catch (...) {  // no memory to wait in: the next step is due now
    (this->*next)();
  }
}

void child_process::state::send_signal(int number) noexcept {
  posix::signal_pidfd(process_.native_handle(), number);
}

child_process::child_process(asio::any_io_executor executor, command what)
    : state_(state::start(executor, std::move(what))) {}

child_process& child_process::operator=(child_process&& other) noexcept {
  if (this == &other) return *this;
  if (state_) state_->begin_stop();
  state_ = std::move(other.state_);
  return *this;
}

child_process::~child_process() {
  if (state_) state_->begin_stop();
}

int child_process::pid() const noexcept { return state_ ? state_->pid() : -1; }

transport_ptr child_process::take_stdio() { return state_ ? state_->take_stdio(false) : nullptr; }

asio::awaitable<exit_status> child_process::wait() {
  if (!state_) fail(asio::error::bad_descriptor, "no process to wait for");
  return state::wait(state_);
}

asio::awaitable<exit_status> child_process::stop() {
  if (state_) state_->begin_stop();
  return wait();
}

asio::awaitable<exit_status> child_process::terminate() {
  if (state_) state_->begin_terminate();
  return wait();
}

asio::awaitable<transport_ptr> spawn(command what) {
  const auto executor = co_await asio::this_coro::executor;
  auto child = child_process::state::start(executor, std::move(what));
  co_return child->take_stdio(true);
}

}  // namespace antiphon
