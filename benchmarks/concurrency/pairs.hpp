#pragma once

#include <antiphon/antiphon.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <deque>

namespace bench {

// Clients and servers in one process and on one thread, each two connected by a pair of sockets.
class pairs {
 public:
  pairs(std::size_t count, antiphon::router (*routes)(),
        const antiphon::endpoint_options& server_options = antiphon::endpoint_options());
  pairs(const pairs&) = delete;
  pairs& operator=(const pairs&) = delete;
  // Ends all of them.
  ~pairs();

  antiphon::endpoint& client(std::size_t at) { return clients_[at]; }
  antiphon::endpoint& server(std::size_t at) { return servers_[at]; }

  void start(boost::asio::awaitable<void> what);
  // False when that takes half a minute.
  template <class Done>
  bool run_until(Done done) {
    const auto late = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!done()) {
      if (context_.run_one_until(late) == 0) return false;
      // What is ready is run before it is asked again.
      context_.poll();
    }
    return true;
  }

 private:
  boost::asio::awaitable<void> open(int socket, std::deque<antiphon::endpoint>& among,
                                    antiphon::router routes, antiphon::endpoint_options options);

  boost::asio::io_context context_{1};
  std::deque<antiphon::endpoint> clients_;
  std::deque<antiphon::endpoint> servers_;
};

}  // namespace bench
