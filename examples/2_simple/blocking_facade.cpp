// antiphon behind a class with plain, blocking functions, for a program that knows nothing of Asio.
//
//     antiphon-blocking-facade SERVER      four threads add with the tutorial's server
//
// One thread of the class's own runs the io_context. `add` may be called from any other, by many at a time;
// it returns the sum or throws: `antiphon::rpc_error` with what the server has against it,
// `boost::system::system_error` when the server is gone, or hasn't answered in two seconds.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <fmt/core.h>

#include <atomic>
#include <thread>

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// An io_context with its thread. Its destructor waits until all that happens there has ended.
class background {
 public:
  ~background() {
    work_.reset();
    thread_.join();
  }
  /// Runs it there, waits for it and returns what it returns.
  template <class T>
  T wait_for(asio::awaitable<T> operation) {
    return asio::co_spawn(context_, std::move(operation), asio::use_future).get();
  }
  void start(asio::awaitable<void> operation) {
    asio::co_spawn(context_, std::move(operation), asio::detached);
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
};

class calculator {
 public:
  /// Starts the server. @throws boost::system::system_error when it can't
  explicit calculator(std::string program) {
    auto server = background_.wait_for(open(std::move(program)));
    server_ = *server;
    background_.start(serve(std::move(server)));
  }
  /// Ends the server; waits for that.
  ~calculator() { server_.close(); }

  int add(int a, int b) { return background_.wait_for(server_.call<int>("add", a, b)); }
  int subtract(int from, int what) { return background_.wait_for(server_.call<int>("subtract", from, what)); }

 private:
  using endpoint_ptr = std::shared_ptr<antiphon::endpoint>;

  static asio::awaitable<endpoint_ptr> open(std::string program) {
    antiphon::command server(program);
    server.stop_times(500ms, 500ms);
    auto spawning = antiphon::spawn(std::move(server));
    antiphon::transport_ptr over = co_await std::move(spawning);
    antiphon::endpoint_options options;
    options.call_timeout = 2s;
    co_return std::make_shared<antiphon::endpoint>(std::move(over), antiphon::router(), options);
  }
  static asio::awaitable<void> serve(endpoint_ptr server) {
    auto running = server->run();
    co_await std::move(running);  // until the server ends, or is closed
  }

  background background_;
  antiphon::peer server_;  // a handle: the endpoint belongs to the other thread
};

int main(int argc, char** argv) try {
  if (argc != 2) {
    antiphon::write_to_stderr("usage: antiphon-blocking-facade SERVER\n");
    return 2;
  }
  calculator sums(argv[1]);
  fmt::print("1 + 2 = {}, 1 - 2 = {}\n", sums.add(1, 2), sums.subtract(1, 2));

  std::atomic<int> total = 0;
  const auto add_many = [&] {
    for (int i = 0; i < 100; ++i) total += sums.add(i, 1);
  };
  std::thread threads[] = {std::thread(add_many), std::thread(add_many), std::thread(add_many),
                           std::thread(add_many)};
  for (auto& one : threads) one.join();
  fmt::print("four threads: {}\n", total.load());
  return 0;
} catch (const std::exception& e) {
  antiphon::write_to_stderr(fmt::format("error: {}\n", e.what()));
  return 1;
}
