#include "benchmarks/concurrency/pairs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <sys/socket.h>

#include <stdexcept>
#include <utility>

namespace bench {

namespace asio = boost::asio;

pairs::pairs(std::size_t count, antiphon::router (*routes)(),
             const antiphon::endpoint_options& server_options) {
  for (std::size_t i = 0; i < count; ++i) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("no more sockets");
    start(open(ends[0], clients_, antiphon::router(), antiphon::endpoint_options()));
    start(open(ends[1], servers_, routes(), server_options));
    if (!run_until([&] { return clients_.size() == i + 1 && servers_.size() == i + 1; }))
      throw std::runtime_error("a connection did not open");
  }
}

pairs::~pairs() {
  clients_.clear();
  servers_.clear();
  context_.restart();
  context_.run_for(std::chrono::seconds(10));
}

void pairs::start(asio::awaitable<void> what) { asio::co_spawn(context_, std::move(what), asio::detached); }

asio::awaitable<void> pairs::open(int socket, std::deque<antiphon::endpoint>& among, antiphon::router routes,
                                  antiphon::endpoint_options options) {
  antiphon::stdio_options over;
  over.input = socket;
  over.output = socket;
  auto opening = antiphon::open_stdio(over);
  auto transport = co_await std::move(opening);
  antiphon::endpoint& made = among.emplace_back(std::move(transport), std::move(routes), std::move(options));
  auto running = made.run();
  co_await std::move(running);
}

}  // namespace bench
