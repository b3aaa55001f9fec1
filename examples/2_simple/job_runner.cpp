// Long jobs on a thread pool, with progress and cancellation. A client and a server in one program:
//
//     antiphon-job-runner                      the server, on standard input and output
//     antiphon-job-runner 20000000             starts that and has it count the primes below 20,000,000
//     antiphon-job-runner 2000000000 0.5       the same, for half a second in all; Ctrl-C ends it too
//
// The client names a token in the parameters, as LSP's `workDoneToken`; the server tells of its progress in
// `$/progress` notifications with that token. When the client's time is up, it sends `$/cancelRequest`.

#include <antiphon/antiphon.hpp>

#include <boost/asio/thread_pool.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <variant>

namespace asio = boost::asio;

using work_token = std::variant<std::int64_t, std::string>;

struct job {
  std::int64_t below = 0;
  std::optional<work_token> workDoneToken;
};
BOOST_DESCRIBE_STRUCT(job, (), (below, workDoneToken))

struct state_of_work {
  std::int64_t percentage = 0;
};
BOOST_DESCRIBE_STRUCT(state_of_work, (), (percentage))

struct progress {
  work_token token;
  state_of_work value;
};
BOOST_DESCRIBE_STRUCT(progress, (), (token, value))

// --- the server --------------------------------------------------------------------------------------

bool is_prime(std::int64_t number) {
  for (std::int64_t divisor = 2; divisor <= number / divisor; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number >= 2;
}

// Runs on a worker thread, in steps. Between them it looks whether anybody still wants the result.
asio::awaitable<std::int64_t> count_primes(antiphon::call_context& call, job what) {
  constexpr std::int64_t step = 10'000;
  std::int64_t primes = 0;
  progress now;
  if (what.workDoneToken) now.token = *what.workDoneToken;
  for (std::int64_t from = 0; from < what.below; from += step) {
    if (call.cancelled()) throw antiphon::rpc_error(antiphon::rpc_errc::request_cancelled);
    const std::int64_t to = what.below - from < step ? what.below : from + step;
    for (std::int64_t number = from; number < to; ++number) primes += is_prime(number) ? 1 : 0;
    const auto percentage =
        static_cast<std::int64_t>(100.0 * static_cast<double>(to) / static_cast<double>(what.below));
    if (!what.workDoneToken || percentage == now.value.percentage) continue;
    now.value.percentage = percentage;
    auto telling = call.notify("$/progress", now);
    co_await std::move(telling);  // no faster than the client reads
  }
  co_return primes;
}

asio::awaitable<antiphon::ended> serve() {
  constexpr std::size_t workers = 2;
  asio::thread_pool pool(workers);
  antiphon::router routes;
  antiphon::route_options on_the_pool;
  on_the_pool.executor = pool.get_executor();
  routes.on_request("countPrimes", count_primes, {}, on_the_pool);
  antiphon::endpoint_options options;
  options.max_in_flight = workers;
  options.max_queued = 16;
  options.overload = antiphon::overload::reject;  // -32000 rather than a queue without end
  auto opening = antiphon::open_stdio();
  antiphon::endpoint client(co_await std::move(opening), std::move(routes), options);
  auto serving = client.run();
  co_return co_await std::move(serving);
}

// --- the client --------------------------------------------------------------------------------------

asio::awaitable<antiphon::ended> run_job(std::string program, std::int64_t below,
                                         std::chrono::milliseconds limit) {
  antiphon::router routes;
  routes.on_notification("$/progress", [](progress now) {
    fmt::print("{} %\n", now.value.percentage);
    std::fflush(stdout);
  });
  auto spawning = antiphon::spawn(antiphon::command(program));
  antiphon::endpoint runner(co_await std::move(spawning), std::move(routes));
  const auto ask = [=](antiphon::endpoint& server) -> asio::awaitable<void> {
    job what;
    what.below = below;
    what.workDoneToken = "primes";
    antiphon::call_options patience(std::chrono::seconds(10));  // between two signs of life
    patience.progress_token = "primes";
    patience.total_timeout = limit;
    auto counting = server.try_call<std::int64_t>(patience, "countPrimes", what);
    const auto primes = co_await std::move(counting);
    if (primes) {
      fmt::print("{} primes\n", *primes);
    } else {
      fmt::print("no result: {}\n", primes.error().message);
    }
  };
  auto asking = runner.run(ask);
  co_return co_await std::move(asking);
}

int main(int argc, char** argv) {
  if (argc == 1) return antiphon::run_main(serve());
  const std::int64_t below = std::atoll(argv[1]);
  const double seconds = argc == 3 ? std::atof(argv[2]) : 0;
  if (argc > 3 || below <= 0 || seconds < 0) {
    antiphon::write_to_stderr("usage: antiphon-job-runner [BELOW [SECONDS]]\n");
    return 2;
  }
  return antiphon::run_main(
      run_job(argv[0], below, std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000))));
}
