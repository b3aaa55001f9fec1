#pragma once

#include <antiphon/transport/listener.hpp>
#include <antiphon/transport/transport.hpp>

#include <memory>
#include <string>

namespace antiphon {

/// Connects to a Unix stream socket.
///
/// @param path of the socket file; one that starts with '@' is a name in Linux's abstract namespace
/// @param buffers where receive buffers come from; null means the program's shared pool
/// @throws boost::system::system_error with `errc::path_too_long`, `errc::invalid_address`, or the system's
///         own error, naming the path
asio::awaitable<transport_ptr> connect_unix(std::string path,
                                            std::shared_ptr<buffer_source> buffers = nullptr);

/// Listens on a Unix stream socket whose file only this user may open (mode 0600 whatever the umask), and to
/// which only this user may connect; see `listen_options::users` and `file_mode` for others.
///
/// A file left behind by a dead server is replaced, once a connection to it has been refused; checking and
/// replacing happen under a lock on the directory, so that two servers that start at once can't both win. An
/// abstract name ('@...') has no file, hence no mode: every local user reaches it, and `users` alone decides.
/// @throws boost::system::system_error with `errc::address_in_use` when a server listens there,
///         `errc::not_a_socket` when the file is something else (it is left alone), `errc::path_too_long`,
///         `errc::invalid_address`, or the system's own error
asio::awaitable<listener> listen_unix(std::string path, listen_options options = listen_options());

}  // namespace antiphon
