#pragma once

#include "transport/event.hpp"
#include "transport/posix_channel.hpp"
#include "transport/turns.hpp"

#include <antiphon/transport/listener.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/types.h>

#include <optional>
#include <string>

namespace antiphon {

/// A listening socket. Shared by the `listener` and a suspended `accept`, so that either may go first.
class listener::state : public std::enable_shared_from_this<listener::state> {
 public:
  /// The socket file that is ours to remove.
  struct socket_file {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };

  state(const asio::any_io_executor& executor, posix::unique_fd socket, std::string address,
        std::uint16_t port, std::optional<socket_file> file, listen_options options);
  ~state() { close(); }

  /// Keeps `self` until it ends, also before it has started.
  static asio::awaitable<transport_ptr> accept(std::shared_ptr<state> self, asio::any_io_executor executor);
  void close() noexcept;

  const std::string& address() const noexcept { return address_; }
  std::uint16_t port() const noexcept { return port_; }
  std::size_t connections() const noexcept { return connections_; }
  std::uint64_t refused() const noexcept { return refused_; }
  const asio::any_io_executor& executor() const noexcept { return executor_; }

  /// One accepted transport is closed. On the listener's executor.
  void connection_closed() noexcept;

 private:
  asio::awaitable<void> wait_for_slot();
  asio::awaitable<transport_ptr> next(asio::any_io_executor executor);
  asio::awaitable<void> pause();
  bool may_connect(int socket) const noexcept;
  transport_ptr make_transport(asio::any_io_executor executor, posix::unique_fd socket);
  void remove_file() noexcept;

  asio::any_io_executor executor_;
  posix::channel socket_;
  std::string address_;
  std::uint16_t port_;
  std::optional<socket_file> file_;
  listen_options options_;
  bool local_;  // a Unix socket
  std::size_t connections_ = 0;
  std::uint64_t refused_ = 0;
  std::size_t accepting_ = 0;  // accepts that have a connection's slot and wait for one to put there
  event slot_freed_;
  asio::steady_timer pause_;
  turns turns_;
  bool closed_ = false;
};

}  // namespace antiphon
