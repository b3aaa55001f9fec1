#pragma once

#include <antiphon/transport/listener.hpp>
#include <antiphon/transport/transport.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace antiphon {

/// Connects to a TCP server; each address of the host is tried in turn. TCP_NODELAY is on.
///
/// @param host a name or an IPv4 or IPv6 address without brackets
/// @param buffers where receive buffers come from; null means the program's shared pool
/// @throws boost::system::system_error when the name is unknown or nothing accepts, naming host and port
asio::awaitable<transport_ptr> connect_tcp(std::string host, std::uint16_t port,
                                           std::shared_ptr<buffer_source> buffers = nullptr);

/// Listens on a TCP port: on loopback unless told otherwise, since a JSON-RPC peer has no authentication.
///
/// @param host the address to bind, or a name (its first address); "0.0.0.0" or "::" for every interface
/// @param port 0 for any free one; see `listener::port`
/// @throws boost::system::system_error with `errc::address_in_use`, or the system's own error
asio::awaitable<listener> listen_tcp(std::string host = "127.0.0.1", std::uint16_t port = 0,
                                     listen_options options = listen_options());

}  // namespace antiphon
