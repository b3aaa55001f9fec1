#include "transport/posix_socket.hpp"

#include "transport/fail.hpp"
#include "transport/posix_stream.hpp"

namespace antiphon::posix {

unique_fd make_socket(int family) {
  ignore_sigpipe();
  unique_fd made(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made) fail(last_error(), "socket");
  return above_standard(std::move(made));
}

asio::awaitable<error_code> connect(channel& socket, socket_address to) {
  if (::connect(socket.fd(), to.get(), to.size) == 0) co_return error_code();
  // An interrupted connect goes on as one in progress.
  if (errno != EINPROGRESS && errno != EINTR) co_return last_error();
  auto waiting = socket.writable();
  const auto [ec] = co_await std::move(waiting);
  if (ec) co_return ec;
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) co_return last_error();
  co_return system_code(error);
}

int family_of(int fd) noexcept {
  int family = AF_UNSPEC;
  socklen_t size = sizeof(family);
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 ? family : AF_UNSPEC;
}

std::optional<peer_credentials> credentials_of(int fd) noexcept {
  ucred who{};
  socklen_t size = sizeof(who);
  if (family_of(fd) != AF_UNIX || ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
    return std::nullopt;
  // A socket that isn't connected has no peer: process 0.
  if (who.pid == 0 && who.uid == static_cast<uid_t>(-1)) return std::nullopt;
  return peer_credentials{.process = who.pid, .user = who.uid, .group = who.gid};
}

transport_ptr make_socket_transport(const asio::any_io_executor& executor, channel socket,
                                    std::shared_ptr<buffer_source> buffers) {
  return std::make_unique<stream>(executor, std::move(socket), std::move(buffers));
}

}  // namespace antiphon::posix
