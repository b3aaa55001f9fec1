#pragma once

#include <antiphon/endpoint_options.hpp>
#include <antiphon/peer.hpp>
#include <antiphon/router.hpp>
#include <antiphon/transport/transport.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace antiphon {

/// One side of a connection: client and server at once.
///
/// It answers what its router knows and calls on the other side through `peer`'s members. All of it runs on
/// the transport's executor, which must be serial; so do the handlers. Destroying it closes the connection at
/// once and cancels what runs; handlers still suspended then finish without it.
class endpoint : public peer {
 public:
  explicit endpoint(transport_ptr over, router routes = router(),
                    endpoint_options options = endpoint_options());
  /// The same with options that many endpoints share; not null.
  endpoint(transport_ptr over, router routes, std::shared_ptr<const endpoint_options> options);
  endpoint(endpoint&&) noexcept = default;
  endpoint& operator=(endpoint&&) = delete;
  ~endpoint();

  /// Serves the connection until it ends, and says why it did.
  ///
  /// At the end of the input, everything that had been received whole is handled and answered first, within
  /// `endpoint_options::drain_timeout`. When the stream is broken the peer is told with one error (id null).
  /// Does not throw for anything the peer does. Cancelling it is `close`. Once an endpoint.
  asio::awaitable<ended> run();

  /// Serves the connection while `body`, a function of the endpoint, runs; closes it when that returns.
  ///
  ///     co_await server.run(greet);   // asio::awaitable<void> greet(antiphon::endpoint& server)
  ///
  /// When the connection ends first, the body's calls fail and it is cancelled.
  /// @throws what the body throws, after closing
  template <class Body>
    requires std::is_invocable_r_v<asio::awaitable<void>, Body&, endpoint&>
  asio::awaitable<ended> run(Body body) {
    return run_beside(connection_, [this, body = std::move(body)]() mutable -> asio::awaitable<void> {
      return body(*this);
    });
  }

 private:
  // The endpoint may be gone before it starts.
  static asio::awaitable<ended> run_beside(std::shared_ptr<detail::connection> through,
                                           std::function<asio::awaitable<void>()> body);
};

}  // namespace antiphon
