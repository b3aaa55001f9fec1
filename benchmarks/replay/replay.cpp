// Feeds recorded bytes through an endpoint, in one process and over a memory pipe: the same work each time,
// whatever the machine and its load, so that its instructions can be counted. `./dev baseline` does.
//
//     antiphon-replay WORKLOAD MESSAGES    exit code 1 when an answer is not what it should be
//     antiphon-replay --list               the workloads
//     antiphon-replay --build              what the counts depend on

#include <antiphon/antiphon.hpp>
#include <antiphon/transport/memory_pipe.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/version.hpp>
#include <fmt/core.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;

// --- the server -------------------------------------------------------------------------------------------

std::size_t notes_heard = 0;

int sum(int a, int b) { return a + b; }
asio::awaitable<int> suspended_sum(int a, int b) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return a + b;
}

antiphon::router routes() {
  antiphon::router all;
  all.on_request("sum", sum);
  all.on_request("suspended_sum", suspended_sum);
  all.on_request("echo", [](antiphon::raw_json params) { return params; });
  all.on_notification("note", [](int) { ++notes_heard; });
  return all;
}

asio::awaitable<void> serve(antiphon::transport_ptr over) {
  antiphon::endpoint server(std::move(over), routes());
  auto running = server.run();
  co_await std::move(running);
}

// --- what is replayed -------------------------------------------------------------------------------------

// One round of it: so many messages, and the exact answer to them.
struct recording {
  std::size_t messages = 1;
  std::size_t notes = 0;  // of them
  std::string bytes;
  std::string answer;

  void ask(std::string_view text, std::string_view reply) {
    add(bytes, text);
    if (!reply.empty()) add(answer, reply);
  }

 private:
  static void add(std::string& to, std::string_view text) {
    to += fmt::format("Content-Length: {}\r\n\r\n{}", text.size(), text);
  }
};

std::string request(std::string_view method, std::size_t id, std::string_view params) {
  return fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"{}","params":{}}})", id, method, params);
}
std::string reply(std::size_t id, std::string_view result) {
  return fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{}}})", id, result);
}
constexpr std::string_view note = R"({"jsonrpc":"2.0","method":"note","params":[1]})";

recording sums(std::string_view method, std::size_t count) {
  recording all;
  all.messages = count;
  for (std::size_t id = 0; id < count; ++id) all.ask(request(method, id, "[20,22]"), reply(id, "42"));
  return all;
}

recording batch(std::size_t count) {
  recording one;
  one.messages = count;
  std::string members;
  std::string replies;
  for (std::size_t id = 0; id < count; ++id) {
    const char before = id == 0 ? '[' : ',';
    members += before + request("sum", id, "[20,22]");
    replies += before + reply(id, "42");
  }
  one.ask(members + ']', replies + ']');
  return one;
}

recording echo(std::size_t size) {
  const std::string text = '"' + std::string(size, 'x') + '"';
  recording one;
  one.ask(request("echo", 7, '[' + text + ']'), reply(7, '[' + text + ']'));
  return one;
}

recording notifications(std::size_t count) {
  recording all;
  all.messages = all.notes = count;
  for (std::size_t i = 0; i < count; ++i) all.ask(note, "");
  return all;
}

recording mixed() {
  recording all = sums("sum", 8);
  const auto add = [&all](const recording& more) {
    all.messages += more.messages;
    all.notes += more.notes;
    all.bytes += more.bytes;
    all.answer += more.answer;
  };
  add(notifications(8));
  add(batch(10));
  add(sums("suspended_sum", 1));
  add(echo(std::size_t{64} << 10));
  return all;
}

struct workload {
  std::string_view name;
  recording (*make)();  // null: calls
};
constexpr workload workloads[] = {
    {"request", [] { return sums("sum", 1); }},
    {"pipelined", [] { return sums("sum", 32); }},
    {"coroutine", [] { return sums("suspended_sum", 1); }},
    {"notification", [] { return notifications(32); }},
    {"batch", [] { return batch(10); }},
    {"call", nullptr},
    {"large", [] { return echo(std::size_t{1} << 20); }},
    {"mixed", mixed},
};

// --- replaying --------------------------------------------------------------------------------------------

// Sends it so often, and reads each answer before it goes on.
asio::awaitable<void> drive(antiphon::transport& far, const recording& what, std::size_t rounds, bool& fine) {
  antiphon::buffer space = antiphon::buffer::allocate(what.answer.size() + 1);
  const std::string_view parts[] = {what.bytes};
  bool same = true;
  for (std::size_t round = 0; round < rounds; ++round) {
    auto sending = far.send(parts);
    co_await std::move(sending);
    for (space.clear(); space.size() < what.answer.size();) {
      auto receiving = far.receive_into(space);
      const std::size_t count = co_await std::move(receiving);
      if (count == 0) co_return;
    }
    same = same && std::string_view(space.data(), space.size()) == what.answer;
  }
  far.shutdown_send();
  // Until the server has read it all.
  auto receiving = far.receive_into(space);
  const std::size_t more = co_await std::move(receiving);
  fine = same && more == 0;
}

bool replay(const recording& what, std::size_t rounds) {
  asio::io_context io(1);
  auto [near, far] = antiphon::make_memory_pipe(io.get_executor());
  bool fine = false;
  asio::co_spawn(io, serve(std::move(near)), asio::detached);
  asio::co_spawn(io, drive(*far, what, rounds, fine),
                 [&client = far](std::exception_ptr) { client->close(); });
  io.run();
  return fine && notes_heard == rounds * what.notes;
}

asio::awaitable<void> call_often(antiphon::endpoint& client, std::size_t count, bool& fine) {
  for (std::size_t i = 0; i < count; ++i) {
    auto calling = client.try_call<int>("sum", 20, 22);
    const auto result = co_await std::move(calling);
    if (result.has_error() || *result != 42) co_return;
  }
  fine = true;
}

// A call out and its answer back: the work of both endpoints.
bool replay_calls(std::size_t count) {
  asio::io_context io(1);
  auto [near, far] = antiphon::make_memory_pipe(io.get_executor());
  bool fine = false;
  asio::co_spawn(io, serve(std::move(near)), asio::detached);
  antiphon::endpoint client(std::move(far));
  const auto body = [count, &fine](antiphon::endpoint& self) { return call_often(self, count, fine); };
  asio::co_spawn(io, client.run(body), asio::detached);
  io.run();
  return fine;
}

int usage() {
  fmt::print(stderr, "antiphon-replay WORKLOAD MESSAGES | --list | --build\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--list") {
    for (const workload& one : workloads) fmt::print("{}\n", one.name);
    return 0;
  }
  if (name == "--build") {
    fmt::print("{}, Boost {}.{}\n", ANTIPHON_BUILD, BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000);
    return 0;
  }
  std::size_t messages = 0;
  const std::string_view number = argc == 3 ? argv[2] : "";
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), messages);
  if (number.empty() || problem != std::errc() || end != number.data() + number.size()) return usage();
  for (const workload& one : workloads) {
    if (one.name != name) continue;
    bool fine = false;
    if (one.make == nullptr) {
      fine = replay_calls(messages);
    } else {
      const recording what = one.make();
      if (messages % what.messages != 0) {
        fmt::print(stderr, "antiphon-replay: {} goes in rounds of {}\n", name, what.messages);
        return 2;
      }
      fine = replay(what, messages / what.messages);
    }
    if (!fine) fmt::print(stderr, "antiphon-replay: {}: an answer is wrong or missing\n", name);
    return fine ? 0 : 1;
  }
  return usage();
}
