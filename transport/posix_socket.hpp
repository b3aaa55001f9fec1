#pragma once

#include "transport/posix_channel.hpp"

#include <antiphon/error.hpp>
#include <antiphon/transport/transport.hpp>

#include <sys/socket.h>

#include <cstring>
#include <memory>
#include <optional>

namespace antiphon::posix {

/// An address of any family.
struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  socket_address() noexcept = default;
  socket_address(const void* bytes, std::size_t count) noexcept : size(static_cast<socklen_t>(count)) {
    std::memcpy(&storage, bytes, count);
  }
  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// A stream socket, non-blocking, close-on-exec and above 2. Throws.
unique_fd make_socket(int family);

/// Connects; waits where that takes time. The error is that of the connection, or `operation_aborted`.
asio::awaitable<error_code> connect(channel& socket, socket_address to);

/// AF_UNIX, AF_INET, ...; AF_UNSPEC when it is no socket.
int family_of(int fd) noexcept;
/// Who is at its other end; empty for other files than connected Unix sockets.
std::optional<peer_credentials> credentials_of(int fd) noexcept;

/// A connected socket as a transport.
transport_ptr make_socket_transport(const asio::any_io_executor& executor, channel socket,
                                    std::shared_ptr<buffer_source> buffers);

}  // namespace antiphon::posix
