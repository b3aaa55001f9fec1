#pragma once

#include <antiphon/endpoint.hpp>
#include <antiphon/transport/listener.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace antiphon {

/// Serves every connection that `at` accepts, each with an endpoint of its own, until it is cancelled or the
/// listener closed. A connection that fails ends alone. When cancelled, the listener is closed first, then
/// every connection as by `endpoint::close`; it returns when all have ended.
///
/// @param at lives until it has been closed, or this has returned
/// @param make_routes called for each connection; runs on the listener's executor, as everything does
asio::awaitable<void> serve(listener& at, std::function<router()> make_routes,
                            endpoint_options options = endpoint_options());

}  // namespace antiphon
