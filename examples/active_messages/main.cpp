#include "protocol.hpp"
#include "worker.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// A coordinator with two workers, which are this program, too. It shows each way to deliver a message, what
// its sender gets to know, and how the events of both workers come together in one queue.

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

struct link {
  link(std::string who, antiphon::transport_ptr over, antiphon::merged_deliveries& events)
      : name(std::move(who)), out(routes) {
    events.feed(routes, "made");
    endpoint = std::make_unique<antiphon::endpoint>(std::move(over), std::move(routes));
  }
  std::string name;
  antiphon::router routes;
  antiphon::deliverer out;
  std::unique_ptr<antiphon::endpoint> endpoint;
};

template <class R>
void show(std::string_view what, const antiphon::delivery_result<R>& result) {
  constexpr std::string_view names[] = {"sent", "accepted", "answered", "refused", "failed", "lost"};
  fmt::print("{}: {}", what, names[static_cast<int>(result.state)]);
  if (result.failure) fmt::print(" ({})", result.failure->message);
  fmt::print("\n");
}

asio::awaitable<void> deliver_in_every_way(link& to) {
  using antiphon::delivery_mode;
  const work_order three{"spoon", 3};
  const antiphon::peer& worker = *to.endpoint;

  antiphon::delivery_options how(delivery_mode::fire_and_forget);
  auto sending = to.out.deliver(worker, how, "make", three);
  const auto sent = co_await std::move(sending);
  show("fire and forget", sent);

  how.mode = delivery_mode::confirmed;
  how.accept_within = 5s;
  sending = to.out.deliver(worker, how, "make", three);
  const auto confirmed = co_await std::move(sending);
  show("confirmed", confirmed);

  how.mode = delivery_mode::with_response;
  auto asking = to.out.deliver<finished_work>(worker, how, "make", three);
  const auto answer = co_await std::move(asking);
  show("with response", answer);
  if (answer.response) fmt::print("  {} has made {}\n", answer.response->worker, answer.response->made);

  how.mode = delivery_mode::with_receipt_and_response;
  how.on_accepted = [] { fmt::print("  the receipt is here\n"); };
  asking = to.out.deliver<finished_work>(worker, how, "make", three);
  const auto receipt_and_answer = co_await std::move(asking);
  show("with receipt and response", receipt_and_answer);

  const work_order none{"spoon", 0};
  sending = to.out.deliver(worker, how, "make", none);
  const auto refused = co_await std::move(sending);
  show("against the contract", refused);
  const work_order rare{"unobtainium", 1};
  sending = to.out.deliver(worker, how, "make", rare);
  const auto failed = co_await std::move(sending);
  show("accepted and failed", failed);
  how.answer_within = 100ms;
  sending = to.out.deliver(worker, how, "sleep", 0);
  const auto late = co_await std::move(sending);
  show("too slow", late);
}

asio::awaitable<void> look_around(link& at) {
  auto discovering = at.endpoint->call<antiphon::raw_json>("rpc.discover");
  const auto text = co_await std::move(discovering);
  const auto document = text.to_value();
  fmt::print("{} serves:", document.at("info").at("title").as_string().c_str());
  for (const auto& method : document.at("methods").as_array())
    fmt::print(" {}", method.at("name").as_string().c_str());
  auto asking = at.endpoint->call<antiphon::health_report>("rpc.health");
  const auto health = co_await std::move(asking);
  fmt::print("\n  it is {} and had {} errors\n", health.status, health.errors);
}

asio::awaitable<void> take_events(antiphon::merged_deliveries& events, int count) {
  for (int seen = 0; seen < count; ++seen) {
    auto waiting = events.next();
    const auto event = co_await std::move(waiting);
    if (!event) co_return;
    const auto work = event->payload.decode<finished_work>();
    fmt::print("event: {} has made {}\n", work.worker, work.made);
  }
}

asio::awaitable<void> coordinate() {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const auto executor = co_await asio::this_coro::executor;
  antiphon::merged_deliveries events(executor, 16);
  std::vector<std::unique_ptr<link>> workers;
  for (const std::string name : {"anna", "ben"}) {
    antiphon::command program(self);
    program.arg("--worker");
    program.arg(name);
    auto starting = antiphon::spawn(std::move(program));
    auto transport = co_await std::move(starting);
    workers.push_back(std::make_unique<link>(name, std::move(transport), events));
    auto running = workers.back()->endpoint->run();
    asio::co_spawn(executor, std::move(running), [](std::exception_ptr, antiphon::ended) {});
  }
  auto first = deliver_in_every_way(*workers[0]);
  co_await std::move(first);

  antiphon::delivery_options how;
  const work_order one{"fork", 1};
  auto asking = workers[1]->out.deliver(*workers[1]->endpoint, how, "make", one);
  const auto other = co_await std::move(asking);
  show("the other worker", other);

  auto taking = take_events(events, 5);
  co_await std::move(taking);
  auto looking = look_around(*workers[0]);
  co_await std::move(looking);
  for (const auto& worker : workers) worker->endpoint->close();
}

}  // namespace

int main(int count, char** words) {
  const std::string_view first = count > 1 ? words[1] : "";
  if (count == 3 && first == "--worker") return run_worker(words[2]);
  if (count != 1) {
    fmt::print(stderr, "antiphon-active-messages takes no arguments: it starts its two workers itself\n");
    return 2;
  }
  return antiphon::run_main(coordinate());
}
