#include "lib/waiting.hpp"

#include <antiphon/serve.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <list>

namespace antiphon {

namespace {

struct connections {
  std::list<peer> open;
  detail::gate empty;
};

asio::awaitable<void> serve_one(std::shared_ptr<connections> all, transport_ptr over, router routes,
                                endpoint_options options) {
  endpoint one(std::move(over), std::move(routes), std::move(options));
  const auto place = all->open.insert(all->open.end(), one);
  auto run = one.run();
  co_await std::move(run);
  all->open.erase(place);
  if (all->open.empty()) all->empty.open();
}

}  // namespace

asio::awaitable<void> serve(listener& at, std::function<router()> make_routes, endpoint_options options) {
  auto all = std::make_shared<connections>();
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    transport_ptr over;
    error_code failed;
    try {
      over = co_await at.accept();
    } catch (const boost::system::system_error& e) {
      failed = e.code();
    }
    if (failed == asio::error::operation_aborted) break;
    if (failed) throw boost::system::system_error(failed, "accept");
    // What goes wrong with one connection is that connection's end.
    asio::co_spawn(executor, serve_one(all, std::move(over), make_routes(), options),
                   [](std::exception_ptr) {});
  }
  at.close();
  co_await asio::this_coro::reset_cancellation_state();
  for (const peer& one : all->open) one.close();
  while (!all->open.empty()) co_await all->empty.wait();
}

}  // namespace antiphon
