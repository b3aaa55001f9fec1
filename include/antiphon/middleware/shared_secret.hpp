#pragma once

#include <antiphon/router.hpp>

#include <string>
#include <string_view>

namespace antiphon {

/// Lets nothing through on a connection until its peer has said a secret that both sides know. For sockets
/// that others can reach, such as a TCP port on loopback, which belongs to every user of the machine.
///
///     antiphon::require_secret(routes, secret);                    // the server, for each connection's
///     routes co_await server.call<bool>("authenticate", secret);          // the client, first of all
///
/// The secret is the one parameter, by position or as the member `secret`; the result is true. Until it was
/// right, other requests are answered -32600 "not authenticated" and notifications are dropped, cancellations
/// too. After a wrong one (-32600 "wrong secret") the connection closes. The comparison takes the same time
/// wherever the two differ.
///
/// What goes over the wire isn't encrypted: the network must be trusted, or a tunnel be used. Middleware of
/// `endpoint_options` is outside of this, so a tracer there sees the secret.
///
/// @param routes those of one connection, before others of its middleware, so that nothing runs ahead of it
/// @param secret not empty; 16 random bytes in hex are a good one
/// @param method the request that says it
/// @throws std::invalid_argument when the secret is empty
void require_secret(router& routes, std::string secret, std::string method = "authenticate");

/// Whether both are the same. How long this takes depends on their lengths, not on what they are.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace antiphon
