#include <antiphon/serve.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <list>

namespace antiphon {

namespace {

struct connections {
  explicit connections(const asio::any_io_executor& executor)
      : empty(executor, asio::steady_timer::time_point::max()) {}

  std::list<peer> open;
  asio::steady_timer empty;  // cancelled when they are none any more

  void close_all() {
    for (const peer& one : open) one.close();
  }
  void remove(std::list<peer>::iterator one) {
    open.erase(one);
    if (open.empty()) empty.cancel();
  }
};

}  // namespace

asio::awaitable<void> serve(listener& at, std::function<router()> make_routes, endpoint_options options) {
  const auto executor = co_await asio::this_coro::executor;
  auto all = std::make_shared<connections>(executor);
  const auto shared = std::make_shared<const endpoint_options>(std::move(options));
  std::exception_ptr failure;
  bool aborted = false;
  try {
    for (;;) {
      auto accepting = at.accept();
      transport_ptr over = co_await std::move(accepting);
      auto one = std::make_shared<endpoint>(std::move(over), make_routes(), shared);
      // Counted from here on, whenever it starts.
      const auto place = all->open.insert(all->open.end(), *one);
      // What goes wrong with one connection is that connection's end.
      try {
        asio::co_spawn(executor, one->run(),
                       [all, one, place](const std::exception_ptr&, ended) { all->remove(place); });
      } catch (...) {
        all->open.erase(place);
        throw;
      }
    }
  } catch (const boost::system::system_error& e) {
    aborted = e.code() == asio::error::operation_aborted;
    if (!aborted) failure = std::current_exception();
  } catch (...) {
    failure = std::current_exception();
  }
  // Whoever has closed it may have destroyed it since.
  const auto state = co_await asio::this_coro::cancellation_state;
  const bool was_closed = aborted && state.cancelled() == asio::cancellation_type::none;
  if (!was_closed) at.close();
  co_await asio::this_coro::reset_cancellation_state();
  all->close_all();
  while (!all->open.empty()) {
    error_code ignored;
    co_await all->empty.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace antiphon
