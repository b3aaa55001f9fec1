#pragma once

#include <antiphon/transport/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

namespace antiphon {

/// Options of `listen_tcp` and `listen_unix`.
struct listen_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  listen_options() noexcept {}

  /// How many accepted transports may be open at a time; `accept` waits while there are that many.
  std::size_t max_connections = std::numeric_limits<std::size_t>::max();
  /// How many connections the kernel keeps waiting for `accept`.
  int backlog = 1024;
  /// Where receive buffers come from; null means the program's shared pool.
  std::shared_ptr<buffer_source> buffers;
  /// Who may connect to a Unix socket; whoever else does is closed at once, and counted. Nothing to TCP.
  allowed_users users;
  /// The permissions of a Unix socket's file, whatever the umask. Other users need the right to write to it
  /// before they are asked who they are: 0666, with `users`.
  unsigned file_mode = 0600;
};

/// Waits for connections. Made by `listen_tcp` and `listen_unix`.
///
/// Used on its executor only. Closing it leaves the accepted transports alone.
class listener {
 public:
  class state;

  /// Listens to nothing; for moving into.
  listener() noexcept = default;
  /// For `listen_tcp` and `listen_unix`.
  explicit listener(std::shared_ptr<state> opened) noexcept;
  listener(listener&&) noexcept = default;
  listener& operator=(listener&&) noexcept;
  /// Closes.
  ~listener();

  /// Waits for the next connection.
  ///
  /// A connection that is gone before it is accepted is skipped. While the process or the system is out of
  /// descriptors or memory it tries again every 50 ms; the peers wait meanwhile.
  /// @param executor what the transport runs on; the listener's own by default
  /// @throws boost::system::system_error with `asio::error::operation_aborted` after `close`, also when
  /// called
  ///         earlier; other errors only when the listening socket itself is broken
  asio::awaitable<transport_ptr> accept();
  asio::awaitable<transport_ptr> accept(asio::any_io_executor executor);

  /// Stops listening; a Unix socket's file is removed if it is still the one made here. Idempotent.
  void close() noexcept;

  /// Where it listens: "127.0.0.1:4711", "[::1]:4711", "/run/x.sock" or "@name".
  const std::string& address() const noexcept;
  /// The TCP port, 0 for a Unix socket.
  std::uint16_t port() const noexcept;
  /// How many accepted transports are open.
  std::size_t connections() const noexcept;
  /// How many connections were closed since their users aren't allowed.
  std::uint64_t refused() const noexcept;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace antiphon
