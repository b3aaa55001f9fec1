#include "transport/fail.hpp"
#include "transport/posix_listener.hpp"
#include "transport/posix_socket.hpp"

#include <antiphon/transport/tcp.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <optional>
#include <vector>

namespace antiphon {
namespace {

using asio::ip::tcp;
using posix::socket_address;

std::string text_of(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// The addresses of a host, without asking a resolver about a numeric one.
asio::awaitable<std::vector<tcp::endpoint>> resolve(std::string host, std::uint16_t port) {
  error_code ec;
  std::vector<tcp::endpoint> found;
  const auto numeric = asio::ip::make_address(host, ec);
  if (!ec) {
    found.emplace_back(numeric, port);
    co_return found;
  }
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  auto looking = resolver.async_resolve(host, std::to_string(port), tcp::resolver::numeric_service,
                                        asio::as_tuple(asio::deferred));
  const auto answer = co_await std::move(looking);
  if (std::get<0>(answer)) fail(std::get<0>(answer), text_of(host, port));
  for (const auto& entry : std::get<1>(answer)) found.push_back(entry.endpoint());
  if (found.empty()) fail(asio::error::host_not_found, text_of(host, port));
  co_return found;
}

void set_option(int fd, int level, int name) noexcept {
  const int on = 1;
  ::setsockopt(fd, level, name, &on, sizeof(on));
}

std::optional<posix::channel> open_socket(const asio::any_io_executor& executor, const tcp::endpoint& address,
                                          error_code& ec) {
  try {
    auto file = posix::make_socket(address.data()->sa_family);
    return posix::channel::own(executor, std::move(file), posix::access::socket);
  } catch (const boost::system::system_error& e) {
    ec = e.code();
    return std::nullopt;
  }
}

socket_address local_address(int fd) {
  socket_address bound;
  bound.size = sizeof(bound.storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) != 0) {
    fail(posix::last_error(), "getsockname");
  }
  return bound;
}

tcp::endpoint to_endpoint(const socket_address& address) {
  tcp::endpoint endpoint;
  endpoint.resize(address.size);
  std::memcpy(endpoint.data(), &address.storage, address.size);
  return endpoint;
}

}  // namespace

asio::awaitable<transport_ptr> connect_tcp(std::string host, std::uint16_t port,
                                           std::shared_ptr<buffer_source> buffers) {
  const auto executor = co_await asio::this_coro::executor;
  auto resolving = resolve(host, port);
  const auto addresses = co_await std::move(resolving);
  // Of the address that the resolver likes best; a system without IPv6 says nothing useful about the others.
  error_code first;
  for (const auto& address : addresses) {
    error_code ec;
    std::optional<posix::channel> socket = open_socket(executor, address, ec);
    if (socket) {
      auto connecting = posix::connect(*socket, socket_address(address.data(), address.size()));
      ec = co_await std::move(connecting);
    }
    if (!ec) {
      set_option(socket->fd(), IPPROTO_TCP, TCP_NODELAY);
      co_return posix::make_socket_transport(executor, std::move(*socket), std::move(buffers));
    }
    if (!first || ec == asio::error::operation_aborted) first = ec;
    if (ec == asio::error::operation_aborted) break;
  }
  fail(first, text_of(host, port));
}

asio::awaitable<listener> listen_tcp(std::string host, std::uint16_t port, listen_options options) {
  const auto executor = co_await asio::this_coro::executor;
  auto resolving = resolve(host, port);
  const auto addresses = co_await std::move(resolving);
  const auto& address = addresses.front();
  auto socket = posix::make_socket(address.data()->sa_family);
  // Or a restarted server would have to wait for old connections to be forgotten.
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(socket.get(), address.data(), static_cast<socklen_t>(address.size())) != 0 ||
      ::listen(socket.get(), options.backlog) != 0) {
    const error_code ec = posix::last_error();
    fail(ec == asio::error::address_in_use ? make_error_code(errc::address_in_use) : ec, text_of(host, port));
  }
  const auto bound = to_endpoint(local_address(socket.get()));
  auto text = text_of(bound.address().to_string(), bound.port());
  co_return listener(std::make_shared<listener::state>(executor, std::move(socket), std::move(text),
                                                       bound.port(), std::nullopt, std::move(options)));
}

}  // namespace antiphon
