#include "transport/posix_listener.hpp"

#include "transport/fail.hpp"
#include "transport/posix_socket.hpp"
#include "transport/posix_stream.hpp"

#include <antiphon/transport/listener.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

namespace antiphon {
namespace {

constexpr auto pause_without_resources = std::chrono::milliseconds(50);

enum class accept_failure { wait, retry, pause, broken };

accept_failure classify(int error) noexcept {
  switch (error) {
    case EAGAIN: return accept_failure::wait;
    // Linux reports errors of the new connection here; they say nothing about the listening socket.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case ETIMEDOUT: return accept_failure::retry;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return accept_failure::pause;
    default: return accept_failure::broken;
  }
}

/// Tells its listener when it is closed.
class accepted_stream final : public posix::stream {
 public:
  accepted_stream(asio::any_io_executor executor, posix::channel socket,
                  std::shared_ptr<buffer_source> buffers, std::weak_ptr<listener::state> home,
                  asio::any_io_executor home_executor)
      : stream(std::move(executor), std::move(socket), std::move(buffers)),
        home_(std::move(home)),
        home_executor_(std::move(home_executor)) {}
  ~accepted_stream() override { accepted_stream::close(); }

  void close() noexcept override {
    stream::close();
    auto listening = std::exchange(home_, {}).lock();
    if (!listening) return;
    if (get_executor() == home_executor_) {
      listening->connection_closed();
      return;
    }
    try {
      // With the last owner, which must not go here.
      asio::post(home_executor_, [home = std::move(listening)] { home->connection_closed(); });
    } catch (...) {  // no memory to tell it: the slot stays taken
    }
  }

 private:
  std::weak_ptr<listener::state> home_;
  asio::any_io_executor home_executor_;
};

}  // namespace

listener::state::state(const asio::any_io_executor& executor, posix::unique_fd socket, std::string address,
                       std::uint16_t port, std::optional<socket_file> file, listen_options options)
    : executor_(executor),
      socket_(posix::channel::own(executor, std::move(socket), posix::access::socket)),
      address_(std::move(address)),
      port_(port),
      file_(std::move(file)),
      options_(std::move(options)),
      // A TCP listener has a port. Not asked of the kernel, since a call that fails would let everybody in.
      local_(port == 0),
      slot_freed_(executor),
      pause_(executor) {}

asio::awaitable<transport_ptr> listener::state::accept(std::shared_ptr<state> self,
                                                       asio::any_io_executor executor) {
  auto waiting = self->wait_for_slot();
  co_await std::move(waiting);
  // Taken now: several may wait for a connection at the same time.
  struct slot {
    state& home;
    ~slot() {
      --home.accepting_;
      home.slot_freed_.notify();
    }
  };
  ++self->accepting_;
  const slot taken{*self};
  auto accepting = self->next(std::move(executor));
  transport_ptr made = co_await std::move(accepting);
  ++self->connections_;
  co_return made;
}

asio::awaitable<void> listener::state::wait_for_slot() {
  while (!closed_ && connections_ + accepting_ >= options_.max_connections) {
    auto waiting = slot_freed_.wait();
    co_await std::move(waiting);
  }
}

asio::awaitable<transport_ptr> listener::state::next(asio::any_io_executor executor) {
  if (turns_.used_up()) co_await asio::post(executor_, asio::deferred);
  for (;;) {
    if (closed_) fail(asio::error::operation_aborted, "accept");
    posix::unique_fd socket(::accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const accept_failure failure = socket ? accept_failure::pause : classify(errno);
    if (failure == accept_failure::broken) fail(posix::last_error(), "accept");
    if (socket && !may_connect(socket.get())) {
      ++refused_;
      // Whoever isn't let in may knock without end: others have their turn.
      if (turns_.used_up()) co_await asio::post(executor_, asio::deferred);
      continue;
    }
    if (socket) {
      transport_ptr made = make_transport(executor, std::move(socket));
      if (made) co_return made;
    }
    if (failure == accept_failure::wait) {
      turns_.renew();
      auto waiting = socket_.readable();
      const auto [ec] = co_await std::move(waiting);
      if (ec && !closed_) fail(ec, "accept");
    } else if (failure == accept_failure::pause) {
      auto pausing = pause();
      co_await std::move(pausing);
    }
  }
}

bool listener::state::may_connect(int socket) const noexcept {
  if (!local_) return true;
  const auto who = posix::credentials_of(socket);
  return who && options_.users.allow(who->user, ::geteuid());
}

/// Null when there is no memory or no descriptor for it; the peer then sees it closed.
transport_ptr listener::state::make_transport(asio::any_io_executor executor, posix::unique_fd socket) try {
  socket = posix::above_standard(std::move(socket));
  // Does nothing to a Unix socket.
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  auto channel = posix::channel::own(executor, std::move(socket), posix::access::socket);
  return std::make_unique<accepted_stream>(std::move(executor), std::move(channel), options_.buffers,
                                           weak_from_this(), executor_);
} catch (const std::exception&) {
  return nullptr;
}

asio::awaitable<void> listener::state::pause() {
  // One timer for all that wait, since setting it again would end the others' wait.
  if (pause_.expiry() <= asio::steady_timer::clock_type::now()) pause_.expires_after(pause_without_resources);
  const auto done = co_await pause_.async_wait(asio::as_tuple(asio::deferred));
  const error_code ec = std::get<0>(done);
  if (ec && !closed_) fail(ec, "accept");
}

void listener::state::connection_closed() noexcept {
  --connections_;
  slot_freed_.notify();
}

void listener::state::close() noexcept {
  if (closed_) return;
  closed_ = true;
  // While the socket is open its file's inode can't be another's.
  remove_file();
  socket_.close();
  slot_freed_.notify();
  try {
    pause_.cancel();
  } catch (...) {  // never: a timer's cancel reports no errors
  }
}

void listener::state::remove_file() noexcept {
  if (!file_) return;
  struct stat found{};
  if (::lstat(file_->path.c_str(), &found) != 0) return;
  if (found.st_dev == file_->device && found.st_ino == file_->inode) ::unlink(file_->path.c_str());
}

listener::listener(std::shared_ptr<state> opened) noexcept : state_(std::move(opened)) {}

listener& listener::operator=(listener&& other) noexcept {
  if (this == &other) return *this;
  close();
  state_ = std::move(other.state_);
  return *this;
}

listener::~listener() { close(); }

asio::awaitable<transport_ptr> listener::accept() {
  if (!state_) fail(asio::error::bad_descriptor, "accept");
  return state::accept(state_, state_->executor());
}

asio::awaitable<transport_ptr> listener::accept(asio::any_io_executor executor) {
  if (!state_) fail(asio::error::bad_descriptor, "accept");
  return state::accept(state_, std::move(executor));
}

void listener::close() noexcept {
  if (state_) state_->close();
}

const std::string& listener::address() const noexcept {
  static const std::string nowhere;
  return state_ ? state_->address() : nowhere;
}
std::uint16_t listener::port() const noexcept { return state_ ? state_->port() : std::uint16_t{0}; }
std::size_t listener::connections() const noexcept { return state_ ? state_->connections() : 0; }
std::uint64_t listener::refused() const noexcept { return state_ ? state_->refused() : 0; }

}  // namespace antiphon
