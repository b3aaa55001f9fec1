#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <middle.hpp>
#include <utility>

int main() {
  boost::asio::io_context context(1);
  auto ends = antiphon::make_memory_pipe(context.get_executor());
  antiphon::endpoint server(std::move(ends.first), middle_routes());
  antiphon::endpoint client(std::move(ends.second));
  boost::asio::co_spawn(context, server.run(), boost::asio::detached);
  int sum = 0;
  const auto talk = [&sum](antiphon::endpoint& there) -> boost::asio::awaitable<void> {
    auto asked = there.call<int>("add", 19, 23);
    sum = co_await std::move(asked);
  };
  boost::asio::co_spawn(context, client.run(talk), boost::asio::detached);
  context.run();
  std::printf("19 + 23 = %d\n", sum);
  return sum == 42 ? 0 : 1;
}
