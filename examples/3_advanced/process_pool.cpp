// Several processes of one server behind one connection: work for all processors, and a crash that costs one
// process only.
//
//     antiphon-process-pool 4            serves on standard input and output, with four workers
//     antiphon-process-pool --worker     is one of these; the pool starts them
//
// A request goes to the worker that has the fewest. A worker that dies is started again, after a wait that
// gets longer each time. What it was working on goes to another worker once, where doing it twice does no
// harm (`countPrimes`), and fails with -32010 otherwise (`crash`). Who cancels a request cancels it in the
// worker. `workers` tells what the pool has.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <utility>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using clock_type = std::chrono::steady_clock;

struct worker_state {
  int pid = 0;  // 0 while there is none
  int busy = 0;
  int starts = 0;
};
BOOST_DESCRIBE_STRUCT(worker_state, (), (pid, busy, starts))

class process_pool : public std::enable_shared_from_this<process_pool> {
 public:
  static constexpr int worker_died = -32010;

  process_pool(asio::any_io_executor executor, std::string program, int size)
      : executor_(std::move(executor)), program_(std::move(program)), change_(executor_, forever) {
    for (int i = 0; i < size; ++i) workers_.emplace_back(executor_);
  }
  void start() {
    for (auto& one : workers_) asio::co_spawn(executor_, keep(shared_from_this(), one), asio::detached);
  }
  void stop() {
    stopping_ = true;
    change_.cancel();
    for (auto& one : workers_) {
      one.pause.cancel();
      if (one.state.pid != 0) one.to.close(0ms);
    }
  }

  /// @param again whether another worker may try it when the first one dies
  static asio::awaitable<antiphon::raw_json> call(std::shared_ptr<process_pool> pool, std::string method,
                                                  antiphon::raw_json params, bool again) {
    for (;;) {
      if (pool->least_busy() == nullptr) {
        error_code woken;
        auto waiting = pool->change_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
        co_await std::move(waiting);  // for one start, and no longer
      }
      worker* const one = pool->least_busy();
      if (one == nullptr) throw antiphon::rpc_error(worker_died, "no worker runs");
      const busy_mark mark(one->state.busy);
      const int start = one->state.starts;
      auto asking = one->to.try_call(method, params);
      const auto answer = co_await std::move(asking);
      if (answer) co_return *answer;
      const auto& why = answer.error();
      if (why.from_peer() || why.code == antiphon::errc::cancelled) why.raise();
      if (one->state.starts == start) {  // `keep` hasn't noticed yet
        one->state.pid = 0;
        one->to.close(0ms);
      }
      if (!std::exchange(again, false)) throw antiphon::rpc_error(worker_died, "the worker died");
    }
  }

  std::vector<worker_state> states() const {
    std::vector<worker_state> all;
    for (const auto& one : workers_) all.push_back(one.state);
    return all;
  }

 private:
  static constexpr auto forever = asio::steady_timer::time_point::max();

  struct worker {
    explicit worker(const asio::any_io_executor& executor) : pause(executor) {}
    worker_state state;
    antiphon::peer to;  // while there is a process
    asio::steady_timer pause;
  };
  struct busy_mark {
    explicit busy_mark(int& count) : busy(count) { ++busy; }
    busy_mark(const busy_mark&) = delete;
    ~busy_mark() { --busy; }
    int& busy;
  };

  worker* least_busy() {
    worker* best = nullptr;
    for (auto& one : workers_) {
      if (one.state.pid != 0 && (best == nullptr || one.state.busy < best->state.busy)) best = &one;
    }
    return best;
  }

  /// Keeps one worker's process running.
  static asio::awaitable<void> keep(std::shared_ptr<process_pool> pool, worker& one) {
    for (auto wait = 0ms; !pool->stopping_; wait = std::clamp(2 * wait, 50ms, 5000ms)) {
      one.pause.expires_after(wait);
      error_code woken;
      auto pausing = one.pause.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      co_await std::move(pausing);
      if (pool->stopping_) break;
      const auto began = clock_type::now();
      try {
        antiphon::command program(pool->program_);
        program.arg("--worker");
        antiphon::child_process process(pool->executor_, std::move(program));
        antiphon::endpoint server(process.take_stdio());
        one.to = server;
        one.state.pid = process.pid();
        ++one.state.starts;
        pool->change_.cancel();
        auto serving = server.run();
        co_await std::move(serving);  // until it dies
        one.state.pid = 0;
        auto ending = process.stop();  // if it has only closed its output
        co_await std::move(ending);
      } catch (const boost::system::system_error& e) {
        antiphon::write_to_stderr(std::string("worker: ") + e.what() + "\n");
        pool->change_.cancel();  // who waits for a start has waited long enough
      }
      if (clock_type::now() - began > 10s) wait = 0ms;
    }
  }

  asio::any_io_executor executor_;
  std::string program_;
  std::deque<worker> workers_;
  asio::steady_timer change_;  // never expires; its waiters are woken when a worker has been started
  bool stopping_ = false;
};

asio::awaitable<antiphon::ended> serve(std::string program, int size) {
  const auto executor = co_await asio::this_coro::executor;
  const auto pool = std::make_shared<process_pool>(executor, std::move(program), size);
  antiphon::router routes;
  routes.on_request("workers", [pool] { return pool->states(); });
  routes.on_any_request([pool](antiphon::call_context& call, antiphon::raw_json params) {
    const bool idempotent = call.method() == "countPrimes";
    return process_pool::call(pool, std::string(call.method()), std::move(params), idempotent);
  });
  auto opening = antiphon::open_stdio();
  antiphon::endpoint client(co_await std::move(opening), std::move(routes));
  pool->start();
  auto serving = client.run();
  const antiphon::ended how = co_await std::move(serving);
  pool->stop();
  co_return how;
}

// --- a worker ----------------------------------------------------------------------------------------

bool is_prime(int number) {
  for (int divisor = 2; divisor <= number / divisor; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number >= 2;
}

asio::awaitable<int> count_primes(int below) {
  int primes = 0;
  for (int number = 0; number < below; ++number) {
    primes += is_prime(number) ? 1 : 0;
    if (number % 1000 != 0) continue;
    auto others = asio::post(asio::use_awaitable);  // their turn; ends this one when it is cancelled
    co_await std::move(others);
  }
  co_return primes;
}

asio::awaitable<antiphon::ended> work() {
  antiphon::router routes;
  routes.on_request("countPrimes", count_primes, {"below"});
  routes.on_request("crash", [] { std::raise(SIGKILL); });
  auto opening = antiphon::open_stdio();
  antiphon::endpoint pool(co_await std::move(opening), std::move(routes));
  auto serving = pool.run();
  co_return co_await std::move(serving);
}

int main(int argc, char** argv) {
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argument == "--worker") return antiphon::run_main(work());
  const int size = std::atoi(argument.data());
  if (size < 1 || size > 64) {
    antiphon::write_to_stderr("usage: antiphon-process-pool 1..64\n");
    return 2;
  }
  return antiphon::run_main(serve(argv[0], size));
}
