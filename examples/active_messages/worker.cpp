#include "worker.hpp"

#include "protocol.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace asio = boost::asio;

namespace {

class worker {
 public:
  explicit worker(std::string name) : name_(std::move(name)) {}

  antiphon::router routes() {
    antiphon::router routes;
    antiphon::on_delivery(routes, "make", made_to_order(),
                          [this](antiphon::call_context& call, const antiphon::raw_json& payload) {
                            return make(call, payload);
                          });
    antiphon::on_delivery(routes, "sleep", antiphon::anything(), sleep);
    antiphon::service_description about("worker " + name_, "1.0");
    about.summaries["make"] = "Makes so many of an item, and tells of it";
    antiphon::offer_discovery(routes, about);
    antiphon::offer_health(routes);
    return routes;
  }

 private:
  /// More than that a payload can be decoded: what it says must make sense, too.
  static antiphon::delivery_contract made_to_order() {
    return [](const antiphon::raw_json& payload) -> std::optional<antiphon::decode_error> {
      const auto order = payload.try_decode<work_order>();
      if (!order) return order.error();
      if (order->count > 0) return std::nullopt;
      return antiphon::decode_error{antiphon::errc::number_out_of_range, "/count", "expected one at least"};
    };
  }

  asio::awaitable<finished_work> make(antiphon::call_context& call, const antiphon::raw_json& payload) {
    const auto order = payload.decode<work_order>();
    if (order.item == "unobtainium") throw antiphon::rpc_error(1, "nobody has any");
    finished_work done;
    done.worker = name_;
    done.made = total_ += order.count;
    // An event, for the coordinator's queue. Its envelope needs nothing but the payload.
    antiphon::delivery_options event(antiphon::delivery_mode::fire_and_forget);
    auto telling = events_.deliver(call.peer(), event, "made", done);
    co_await std::move(telling);
    co_return done;
  }

  static asio::awaitable<void> sleep(antiphon::call_context&, const antiphon::raw_json&) {
    asio::steady_timer long_time(co_await asio::this_coro::executor, std::chrono::hours(1));
    auto sleeping = long_time.async_wait(asio::use_awaitable);
    co_await std::move(sleeping);
  }

  std::string name_;
  int total_ = 0;
  antiphon::deliverer events_;
};

asio::awaitable<antiphon::ended> serve(std::string name) {
  worker self(std::move(name));
  auto transport = co_await antiphon::open_stdio();
  antiphon::endpoint endpoint(std::move(transport), self.routes());
  co_return co_await endpoint.run();
}

}  // namespace

int run_worker(std::string name) { return antiphon::run_main(serve(std::move(name))); }
