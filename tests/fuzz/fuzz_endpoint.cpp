#include "tests/fuzz/check.hpp"
#include "tests/fuzz/endpoint_oracle.hpp"
#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/heap_watch.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/testing/deterministic_context.hpp>
#include <antiphon/testing/scripted_transport.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>

// A whole endpoint is fed with bytes, in virtual time. Whatever they are, it ends, what it says is well
// framed and JSON-RPC, every request in them is answered once, in its batch if it came in one, and memory
// stays within a bound.
//
// The input: two bytes of options, '0' to '7' for the number of bytes that follow with the sizes of the
// reads, then what the peer says.

namespace {

namespace asio = boost::asio;
using antiphon::end_reason;
using asio::awaitable;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

// Beyond what there was before the endpoint; its limits allow less, but for what the runtime keeps.
constexpr std::size_t most_memory = std::size_t{4} * 1024 * 1024;

/// How the endpoint is set up, and what the peer does beside talking.
struct setup {
  explicit setup(std::string_view input)
      : way(static_cast<unsigned char>(input[0])), manner(static_cast<unsigned char>(input[1])) {}

  fuzz::frame_style style() const { return static_cast<fuzz::frame_style>(way % 3); }
  bool narrow() const { return way & 8; }
  bool rejects() const { return way & 16; }
  bool few_at_a_time() const { return way & 32; }
  bool little_out() const { return way & 64; }
  std::uint64_t seed() const { return manner % 4; }
  bool listens_slowly() const { return manner & 4; }
  bool drips() const { return manner & 8; }
  bool breaks() const { return (manner & 0x70) == 0x70; }

  unsigned way;
  unsigned manner;
};

std::size_t begin_of_bytes(std::string_view input) {
  if (input.size() < 3) return 0;
  return std::min<std::size_t>(input.size(), 3 + static_cast<unsigned char>(input[2]) % 8);
}

antiphon::endpoint_options options_for(const setup& how) {
  antiphon::endpoint_options options;
  options.framing = fuzz::framing_of(how.style());
  if (how.narrow()) {
    options.limits.header_bytes = 64;
    options.limits.message_bytes = 256;
    options.limits.depth = 8;
    options.limits.batch_members = 4;
    options.limits.id_bytes = 8;
  }
  if (how.rejects()) options.overload = antiphon::overload::reject;
  if (how.few_at_a_time()) {
    options.max_in_flight = 2;
    options.max_queued = 3;
    options.max_queued_bytes = 1024;
  }
  if (how.little_out()) options.max_outgoing_bytes = 200;
  if (how.drips()) options.partial_message_timeout = 50ms;
  options.call_timeout = 300ms;
  options.drain_timeout = 500ms;
  options.statistics_method = "$/statistics";
  return options;
}

awaitable<void> sleep_for(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::deferred);
}

antiphon::router routes() {
  antiphon::router made;
  made.on_request("add", [](int a, int b) { return std::int64_t{a} + b; }, {"a", "b"});
  made.on_request("repeat", [](std::string text) { return text; });
  made.on_request("json", [](const boost::json::value& value) { return value; });
  made.on_request("fail", [](int code) -> int { throw antiphon::rpc_error(code, "as asked"); });
  made.on_request("throw", []() -> int { throw std::runtime_error("inside"); });
  const auto slow = [](unsigned ms) -> awaitable<unsigned> {
    auto sleeping = sleep_for(milliseconds(ms % 100));
    co_await std::move(sleeping);
    co_return ms;
  };
  made.on_request("slow", slow);
  made.on_request("in_turn", slow, {}, antiphon::route_options(antiphon::order::ordered));
  made.on_request("at_once", slow, {}, antiphon::route_options(antiphon::order::immediate));
  antiphon::route_options newest;
  newest.supersede_key = [](const antiphon::raw_json& params) {
    return std::optional<std::string>(params.text());
  };
  newest.time_limit = 40ms;
  made.on_request(
      "newest",
      [](antiphon::raw_json) -> awaitable<bool> {
        auto sleeping = sleep_for(60ms);
        co_await std::move(sleeping);
        co_return true;
      },
      {}, newest);
  made.on_request("back", [](antiphon::call_context& call, int n) -> awaitable<int> {
    auto calling = call.peer().call<int>("add", n, 1);
    const int sum = co_await std::move(calling);
    co_return sum;
  });
  made.on_request("tell", [](antiphon::call_context& call, std::string what) -> awaitable<bool> {
    auto telling = call.peer().notify("told", what);
    co_await std::move(telling);
    co_return true;
  });
  made.on_notification("note", [](int ms) -> awaitable<void> {
    auto sleeping = sleep_for(milliseconds(ms % 10));
    co_await std::move(sleeping);
  });
  made.on_notification("initialized", [](antiphon::raw_json) {});
  return made;
}

std::shared_ptr<antiphon::testing::script> script_of(const setup& how, std::string_view reads,
                                                     std::string_view bytes) {
  auto peer = std::make_shared<antiphon::testing::script>();
  if (how.listens_slowly()) peer->listens_slowly(64, 2);
  for (std::size_t i = 0; !reads.empty() && !bytes.empty(); ++i) {
    const auto size =
        std::min(bytes.size(), std::size_t{1} + static_cast<unsigned char>(reads[i % reads.size()]));
    peer->says(std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    if (how.drips()) peer->pauses(milliseconds(15));
  }
  if (!bytes.empty()) peer->says(std::string(bytes));
  if (how.breaks()) {
    peer->breaks();
  } else {
    peer->ends();
  }
  return peer;
}

awaitable<void> serve(antiphon::endpoint& server, std::optional<antiphon::ended>& end) {
  auto running = server.run();
  end = co_await std::move(running);
}

void check_stats(const antiphon::endpoint_stats& stats, std::size_t fed, std::size_t said) {
  fuzz::must(stats.pending_calls == 0 && stats.in_flight == 0 && stats.queued == 0 && stats.queued_bytes == 0,
             "something is left behind");
  fuzz::must(stats.bytes_received <= fed && stats.bytes_sent <= said, "bytes that there weren't");
}

void converse(const setup& how, std::string_view reads, std::string_view bytes) {
  auto peer = script_of(how, reads, bytes);
  antiphon::endpoint_options options = options_for(how);
  const antiphon::limits bounds = options.limits;
  std::optional<antiphon::ended> end;
  antiphon::endpoint_stats stats;
  {
    antiphon::testing::deterministic_context context(how.seed());
    antiphon::endpoint server(antiphon::testing::make_scripted_transport(context.get_executor(), peer),
                              routes(), std::move(options));
    asio::co_spawn(context.get_executor(), serve(server, end), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
    fuzz::must(context.run(60s), "it hangs");
    stats = server.stats();
  }
  fuzz::must(end.has_value() && peer->closed(), "it doesn't end");
  check_stats(stats, bytes.size(), peer->sent().size());

  const fuzz::said heard = fuzz::read_output(peer->sent(), how.style());
  const fuzz::owed owed = fuzz::answers_owed(bytes, how.style(), bounds);
  const end_reason why = end->reason;
  if (how.breaks() || why == end_reason::timed_out) {
    fuzz::must_be_part(heard, owed);
    return;
  }
  fuzz::must(!heard.cut, "the last thing it says is cut short");
  fuzz::must(why != end_reason::closed_here && why != end_reason::connection_lost, "nobody has closed it");
  fuzz::must((why == end_reason::end_of_input) == !owed.broken, "it ended for another reason");
  fuzz::must(heard.answers == owed.answers, "a request has no answer, or one too many");
}

}  // namespace

fuzz::frames_place fuzz::frames_of(std::string_view input) {
  const std::size_t begin = begin_of_bytes(input);
  if (begin == 0) return {};
  return {begin, setup(input).style()};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::as_text(data, size);
  const std::size_t begin = begin_of_bytes(input);
  if (begin == 0) return 0;
  const fuzz::heap_watch memory;
  converse(setup(input), input.substr(3, begin - 3), input.substr(begin));
  fuzz::must(memory.peak() <= most_memory, "it takes too much memory");
  return 0;
}
