// Keeps accounts: a JSON-RPC server in C++ that tells the others what it does, by a topic of the relay.

#include <antiphon/antiphon.hpp>

#include <map>
#include <string>

namespace {

namespace asio = boost::asio;

struct booking {
  std::string account;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(booking, (), (account, amount))

/// For the relay's topics/publish.
struct news {
  std::string topic;
  booking payload;
};
BOOST_DESCRIBE_STRUCT(news, (), (topic, payload))

asio::awaitable<antiphon::ended> serve() {
  std::map<std::string, std::int64_t> accounts;
  antiphon::router routes;
  routes.on_request("book",
                    [&accounts](antiphon::call_context& call, booking what) -> asio::awaitable<std::int64_t> {
                      const std::int64_t balance = accounts[what.account] += what.amount;
                      const news told{"bookings", what};
                      auto telling = call.notify("topics/publish", told);
                      co_await std::move(telling);
                      co_return balance;
                    });
  routes.on_request("balance", [&accounts](std::string account) { return accounts[account]; }, {"account"});
  routes.on_request("rpc.health", [] { return "well"; });

  antiphon::endpoint relay(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await relay.run();
}

}  // namespace

int main() { return antiphon::run_main(serve()); }
