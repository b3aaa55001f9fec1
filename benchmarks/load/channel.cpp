#include "benchmarks/load/channel.hpp"

#include "benchmarks/load/failure.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <system_error>

namespace load {
namespace {

channel both_ways(descriptor socket) {
  descriptor copy(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw failure(why("cannot duplicate the socket"));
  return {std::move(copy), std::move(socket), true};
}

}  // namespace

std::string why(const char* what) {
  return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

void descriptor::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

channel over_pipes(descriptor output, descriptor input) {
  // The mode belongs to the end of the pipe, not to the pipe: the server doesn't notice.
  if (::fcntl(output.get(), F_SETFL, O_NONBLOCK) != 0) throw failure(why("cannot change the mode of a pipe"));
  return {std::move(output), std::move(input), false};
}

ssize_t channel::write(std::span<const iovec> parts) const noexcept {
  if (!is_socket) return ::writev(output.get(), parts.data(), static_cast<int>(parts.size()));
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(output.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void channel::end_output() {
  if (is_socket) ::shutdown(output.get(), SHUT_WR);
  output.reset();
}

channel connect_tcp(const std::string& host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  std::string host = host_and_port.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int unknown = ::getaddrinfo(host.c_str(), host_and_port.c_str() + colon + 1, &wanted, &list);
  if (unknown != 0)
    throw failure(fmt::format("no address for {}: {}", host_and_port, ::gai_strerror(unknown)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    descriptor socket(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), at->ai_addr, at->ai_addrlen) != 0) continue;
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return both_ways(std::move(socket));
  }
  throw failure(why(fmt::format("cannot connect to {}", host_and_port).c_str()));
}

channel connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw failure(fmt::format("the path {} is too long", path));
  std::memcpy(address.sun_path, path.data(), path.size());
  descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw failure(why(fmt::format("cannot connect to {}", path).c_str()));
  return both_ways(std::move(socket));
}

}  // namespace load
