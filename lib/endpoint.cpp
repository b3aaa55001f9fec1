#include "lib/connection.hpp"

#include <antiphon/endpoint.hpp>

namespace antiphon {

int ended::exit_code() const noexcept {
  return reason == end_reason::end_of_input || reason == end_reason::closed_here ? 0 : 1;
}

endpoint::endpoint(transport_ptr over, router routes, endpoint_options options)
    : endpoint(std::move(over), std::move(routes),
               std::make_shared<const endpoint_options>(std::move(options))) {}

endpoint::endpoint(transport_ptr over, router routes, std::shared_ptr<const endpoint_options> options)
    : peer(std::make_shared<detail::connection>(std::move(over), std::move(routes), std::move(options))) {}

endpoint::~endpoint() {
  if (connection_) connection_->abandon();
}

asio::awaitable<ended> endpoint::run() { return run_beside(connection_, nullptr); }

asio::awaitable<ended> endpoint::run_beside(std::shared_ptr<detail::connection> through,
                                            std::function<asio::awaitable<void>()> body) {
  // First, since there may be no memory for it, and the body must not be left alone.
  auto end = through->finished();
  through->start(std::move(body));
  ended result = co_await std::move(end);
  through->rethrow_body_failure();
  co_return result;
}

}  // namespace antiphon
