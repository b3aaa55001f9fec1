// What every consumer does: a typed call between two endpoints, and a look at what came back.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>
#include <utility>

namespace {

namespace asio = boost::asio;

struct addends {
  int a = 0, b = 0;
};
BOOST_DESCRIBE_STRUCT(addends, (), (a, b))

asio::awaitable<void> talk(antiphon::endpoint& server, int& sum) {
  addends two;
  two.a = 19;
  two.b = 23;
  auto asked = server.call<int>("add", two);
  sum = co_await std::move(asked);
}

}  // namespace

int main() {
  asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::router routes;
  routes.on_request("add", [](addends two) { return two.a + two.b; });
  antiphon::endpoint server(std::move(ends.first), std::move(routes));
  antiphon::endpoint client(std::move(ends.second));
  int sum = 0;
  asio::co_spawn(context, server.run(), asio::detached);
  asio::co_spawn(context, client.run([&sum](antiphon::endpoint& there) { return talk(there, sum); }),
                 [](const std::exception_ptr& failure, const antiphon::ended&) {
                   if (failure) std::rethrow_exception(failure);
                 });
  context.run();
  std::printf("19 + 23 = %d\n", sum);
  return sum == 42 ? 0 : 1;
}
