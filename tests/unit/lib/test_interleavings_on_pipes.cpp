#include "tests/support/pairs.hpp"
#include "tests/support/transports.hpp"
#include "tests/unit/lib/interleavings.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/streaming/message_view.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using interleavings::dice;
namespace asio = support::asio;
using asio::awaitable;
using namespace std::chrono_literals;

namespace {

/// Handlers that wait until the script lets one of them go on.
class waiting_room {
 public:
  awaitable<void> wait() {
    asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    const place here(*this, timer);
    auto waiting = timer.async_wait(asio::as_tuple(asio::deferred));
    co_await std::move(waiting);
  }
  bool empty() const { return timers_.empty(); }
  void let_go(std::size_t which) {
    auto found = timers_.begin();
    std::advance(found, static_cast<std::ptrdiff_t>(which % timers_.size()));
    (*found)->cancel();
  }
  void let_all_go() {
    for (asio::steady_timer* each : timers_) each->cancel();
  }

 private:
  struct place {
    place(waiting_room& of, asio::steady_timer& timer)
        : room(of), at(of.timers_.insert(of.timers_.end(), &timer)) {}
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { room.timers_.erase(at); }
    waiting_room& room;
    std::list<asio::steady_timer*>::iterator at;
  };
  std::list<asio::steady_timer*> timers_;
};

/// What outlives the connection.
struct outside {
  asio::io_context context{1};
  waiting_room room;
  int frames = 0;  // of handlers that have begun and not ended
  int calls_begun = 0;
  int calls_ended = 0;
  std::exception_ptr failure;
};

struct frame_of_handler {
  explicit frame_of_handler(outside& of) : count(of.frames) { ++count; }
  frame_of_handler(const frame_of_handler&) = delete;
  frame_of_handler& operator=(const frame_of_handler&) = delete;
  ~frame_of_handler() { --count; }
  int& count;
};

struct counted_call {
  explicit counted_call(outside& of) : ended(of.calls_ended) { ++of.calls_begun; }
  counted_call(const counted_call&) = delete;
  counted_call& operator=(const counted_call&) = delete;
  ~counted_call() { ++ended; }
  int& ended;
};

antiphon::router make_routes(outside& out) {
  antiphon::router routes;
  routes.on_request("now", [](int n) { return n; });
  routes.on_request("throw", [](int n) -> int {
    if (n % 2 == 0) throw antiphon::rpc_error(-5, "as it likes");
    throw std::runtime_error("a secret");
  });
  const auto later = [&out](antiphon::call_context& call, int n) -> awaitable<int> {
    const frame_of_handler here(out);
    auto waiting = out.room.wait();
    co_await std::move(waiting);
    if (call.cancelled()) throw boost::system::system_error(asio::error::operation_aborted);
    if (n % 3 == 0) throw std::runtime_error("a secret");
    co_return n;
  };
  routes.on_request("later", later);
  routes.on_request("stubborn", [&out](int n) -> awaitable<int> {
    const frame_of_handler here(out);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    auto waiting = out.room.wait();
    co_await std::move(waiting);
    co_return n;
  });
  routes.on_request("back", [&out](antiphon::call_context& call, int n) -> awaitable<int> {
    const frame_of_handler here(out);
    const counted_call counted(out);
    const antiphon::call_options limit(n % 8 == 7 ? 1ms : 0ms);
    auto calling = call.peer().call<int>(limit, "inner", n);
    const int result = co_await std::move(calling);
    co_return result;
  });
  routes.on_request(
      "exclusive",
      [&out](int n) -> awaitable<int> {
        const frame_of_handler here(out);
        auto waiting = out.room.wait();
        co_await std::move(waiting);
        co_return n;
      },
      {}, antiphon::route_options(antiphon::order::ordered));
  routes.on_request(
      "at once",
      [&out](int n) -> awaitable<int> {
        const frame_of_handler here(out);
        auto waiting = out.room.wait();
        co_await std::move(waiting);
        co_return n;
      },
      {}, antiphon::route_options(antiphon::order::immediate));
  // Answers before it has ended; what it returns is nothing to the peer.
  routes.on_request("early", [&out](antiphon::call_context& call, int n) -> awaitable<int> {
    const frame_of_handler here(out);
    auto answering = support::error_of(call.answer(n));
    co_await std::move(answering);
    auto waiting = out.room.wait();
    co_await std::move(waiting);
    co_return n;
  });
  antiphon::route_options newest;
  newest.supersede_key = [](const antiphon::raw_json&) { return std::string("all are alike"); };
  routes.on_request("newest", later, {}, newest);
  antiphon::route_options limited;
  limited.time_limit = 1ms;
  routes.on_request("limited", later, {}, limited);
  routes.on_notification("note", [&out](antiphon::call_context& call, int n) -> awaitable<void> {
    const frame_of_handler here(out);
    if (n % 2 == 0) call.release_order();
    auto waiting = out.room.wait();
    co_await std::move(waiting);
  });
  return routes;
}

constexpr const char* methods[] = {"now",     "throw", "later",  "stubborn", "back",    "back",   "exclusive",
                                   "at once", "early", "newest", "newest",   "limited", "unknown"};

/// One end of the connection, by system calls that never wait.
class far_end {
 public:
  far_end(int write_to, int read_from) : out_(write_to), in_(read_from) {
    ::fcntl(out_, F_SETFL, O_NONBLOCK);
    ::fcntl(in_, F_SETFL, O_NONBLOCK);
  }
  far_end(const far_end&) = delete;
  far_end& operator=(const far_end&) = delete;
  ~far_end() {
    stop_writing();
    stop_reading();
  }
  void stop_writing() { close(out_); }
  void stop_reading() { close(in_); }
  bool writes() const { return out_ >= 0; }
  bool reads() const { return in_ >= 0; }
  void write(std::string_view bytes) {
    // It is small beside what a pipe holds; an error means that nobody reads any more.
    const ssize_t wrote = ::write(out_, bytes.data(), bytes.size());
    static_cast<void>(wrote);
  }
  /// The whole lines that have come.
  std::vector<std::string> read() {
    std::vector<std::string> lines;
    char bytes[16 * 1024];
    for (ssize_t got = 1; in_ >= 0 && got > 0;) {
      got = ::read(in_, bytes, sizeof(bytes));
      if (got > 0) text_.append(bytes, static_cast<std::size_t>(got));
    }
    for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos; text_.erase(0, end + 1))
      lines.push_back(text_.substr(0, end));
    return lines;
  }

 private:
  static void close(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }
  int out_;
  int in_;
  std::string text_;
};

/// How the connection ends.
enum class ending : std::uint8_t { input_ends, closed, destroyed, hung_up, unread };

/// A connection over two pipes from beginning to end, in an order drawn by lot.
class connection_life {
 public:
  connection_life(std::uint64_t seed, outside& out) : dice_(seed), out_(out) {
    const auto up = support::make_raw_pipe();
    const auto down = support::make_raw_pipe();
    peer_ = std::make_unique<far_end>(up.second, down.first);
    support::start(out_.context, open(up.first, down.second), out_.failure);
    poll_all();
    if (!endpoint_) throw std::runtime_error("it did not open");
  }

  /// What went wrong; empty when each request was answered once, or after the close at most once.
  std::string play() {
    const unsigned steps = 4 + dice_.below(30);
    const unsigned end_at = dice_.below(steps + 1);
    const auto how = static_cast<ending>(dice_.below(5));
    for (unsigned step = 0; step < steps; ++step) {
      if (step == end_at) end(how);
      step_once();
    }
    if (!ending_) end(how);
    wind_up();
    check();
    return wrong_;
  }

 private:
  awaitable<void> open(int input, int output) {
    auto opening = support::open_descriptors(input, output);
    auto transport = co_await std::move(opening);
    antiphon::endpoint_options options;
    options.framing = antiphon::line_framing::make;
    options.max_in_flight = 1 + dice_.below(3);
    options.max_queued = dice_.below(4);
    options.at_close = dice_.once_in(2) ? antiphon::at_close::run_queued : antiphon::at_close::refuse_queued;
    options.overload = dice_.once_in(2) ? antiphon::overload::wait : antiphon::overload::reject;
    endpoint_ = std::make_unique<antiphon::endpoint>(std::move(transport), make_routes(out_), options);
    support::start(out_.context, run(), out_.failure);
  }
  awaitable<void> run() {
    running_ = true;
    auto running = endpoint_->run();
    co_await std::move(running);
    running_ = false;
  }

  void step_once() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
      case 2: talk(); break;
      case 3:
        if (!out_.room.empty()) out_.room.let_go(dice_.below(100));
        break;
      case 4: listen(); break;
      case 5: answer_one(); break;
      case 6: call_peer(); break;
      case 7: break;
    }
    for (unsigned i = dice_.below(8); i > 0 && out_.context.poll_one() > 0; --i) continue;
  }

  // --- the peer's side

  /// Some requests, cancels and notifications; in one read or in two.
  void talk() {
    if (!peer_->writes()) return;
    std::string said;
    for (unsigned i = 1 + dice_.below(4); i > 0; --i) {
      switch (dice_.below(6)) {
        case 0: said += cancel() + "\n"; break;
        case 1: said += note() + "\n"; break;
        case 2: {
          std::string batch = "[" + request();
          for (unsigned more = dice_.below(3); more > 0; --more)
            batch += "," + (dice_.once_in(3) ? cancel() : request());
          said += batch + "]\n";
          break;
        }
        default: said += request() + "\n"; break;
      }
    }
    const std::size_t cut = dice_.once_in(2) ? dice_.below(static_cast<unsigned>(said.size())) : said.size();
    peer_->write(std::string_view(said).substr(0, cut));
    if (cut == said.size()) return;
    for (unsigned i = dice_.below(4); i > 0; --i) out_.context.poll_one();
    peer_->write(std::string_view(said).substr(cut));
  }

  std::string request() {
    const std::string number = std::to_string(asked_.size() + 1);
    std::string id;
    switch (dice_.below(4)) {
      case 0: id = number; break;
      case 1: id = "-" + number; break;
      case 2: id = "\"r" + number + "\""; break;
      case 3: id = "\"\\u0072'" + number + "\""; break;
    }
    asked_.push_back(id);
    answers_[id] = 0;
    return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + methods[dice_.below(std::size(methods))] +
           R"(","params":[)" + number + "]}";
  }
  std::string note() {
    return R"({"jsonrpc":"2.0","method":"note","params":[)" + std::to_string(dice_.below(4)) + "]}";
  }
  /// Of one just sent, of one long done, or of one that never was.
  std::string cancel() {
    std::string id = "4711";
    if (!asked_.empty() && !dice_.once_in(8)) {
      const auto count = static_cast<unsigned>(asked_.size());
      id = asked_[dice_.once_in(2) ? count - 1 : dice_.below(count)];
    }
    return R"({"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":)" + id + "}}";
  }

  void listen() {
    for (const std::string& line : peer_->read()) {
      antiphon::frame_messages messages(line);
      while (const auto text = messages.next()) hear(*text);
    }
  }
  void hear(std::string_view text) {
    const auto message = antiphon::message_view::parse(text, antiphon::limits());
    switch (message.kind()) {
      case antiphon::message_kind::request: inner_.emplace_back(message.id_text()); break;
      case antiphon::message_kind::notification: break;
      case antiphon::message_kind::response:
      case antiphon::message_kind::error_response: {
        const auto found = answers_.find(message.id_text());
        if (found == answers_.end()) return fail("an answer to nothing: " + std::string(text));
        if (++found->second > 1) fail("answered twice: " + std::string(text));
        ++answered_;
        break;
      }
      default: fail("no message: " + std::string(text));
    }
  }

  /// A call of the endpoint's: answered in any order, sometimes twice, and sometimes one that never was.
  void answer_one() {
    if (!peer_->writes()) return;
    std::string id = "99999";
    if (!inner_.empty() && !dice_.once_in(10)) {
      const unsigned which = dice_.below(static_cast<unsigned>(inner_.size()));
      id = inner_[which];
      if (!dice_.once_in(6)) inner_.erase(inner_.begin() + which);
    }
    const char* outcome = dice_.once_in(4) ? R"(,"error":{"code":-1,"message":"no"}})" : R"(,"result":1})";
    peer_->write(R"({"jsonrpc":"2.0","id":)" + id + outcome + "\n");
  }

  // --- the endpoint's side

  void call_peer() {
    if (!endpoint_) return;
    support::start(out_.context, call(*endpoint_, out_), out_.failure);
  }
  static awaitable<void> call(antiphon::peer to, outside& out) {
    const counted_call counted(out);
    auto calling = to.try_call<int>("inner", 0);
    const auto ignored = co_await std::move(calling);
    static_cast<void>(ignored);
  }

  void end(ending how) {
    ending_ = how;
    switch (how) {
      case ending::input_ends: peer_->stop_writing(); break;
      case ending::closed: endpoint_->close(std::chrono::milliseconds(dice_.below(2) * 1000)); break;
      case ending::destroyed: endpoint_.reset(); break;
      case ending::hung_up:
        peer_->stop_writing();
        peer_->stop_reading();
        break;
      case ending::unread: peer_->stop_reading(); break;
    }
  }

  void poll_all() {
    out_.context.restart();
    out_.context.poll();
  }

  /// Until the connection has ended, which nothing keeps it from now.
  void wind_up() {
    const auto late = std::chrono::steady_clock::now() + support::patience;
    do {
      // The peer that has lost its way to say more is done as well.
      if (*ending_ == ending::unread) peer_->stop_writing();
      poll_all();
      listen();
      while (!inner_.empty() && peer_->writes()) {
        peer_->write(R"({"jsonrpc":"2.0","id":)" + inner_.back() + ",\"result\":2}\n");
        inner_.pop_back();
      }
      out_.room.let_all_go();
      if (poll_all_did_nothing() && running_) out_.context.run_one_for(1ms);
      if (std::chrono::steady_clock::now() > late) return fail("it hangs");
    } while (running_ || out_.frames > 0 || out_.calls_begun != out_.calls_ended);
    listen();
  }
  bool poll_all_did_nothing() {
    out_.context.restart();
    return out_.context.poll() == 0;
  }

  void check() {
    if (*ending_ == ending::input_ends) {
      for (const auto& [id, count] : answers_)
        if (count != 1) fail("request " + id + " was answered " + std::to_string(count) + " times");
    }
    if (!endpoint_) return;
    const auto stats = endpoint_->stats();
    // Whoever goes on reading gets an answer to all that was read.
    if (peer_->reads() && stats.requests_received != answered_)
      fail(std::to_string(stats.requests_received) + " requests read, " + std::to_string(answered_) +
           " answered");
    if (stats.pending_calls != 0) fail("a call is still pending");
    if (stats.in_flight != 0 || stats.queued != 0) fail("a request is still there");
  }

  void fail(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  dice dice_;
  outside& out_;
  std::unique_ptr<far_end> peer_;
  std::unique_ptr<antiphon::endpoint> endpoint_;
  bool running_ = false;
  std::optional<ending> ending_;
  std::vector<std::string> asked_;
  std::map<std::string, int, std::less<>> answers_;
  std::size_t answered_ = 0;
  std::vector<std::string> inner_;  // the ids of the endpoint's calls that we haven't answered
  std::string wrong_;
};

}  // namespace

TEST_CASE("over pipes each request is answered once, or after the close not at all, in any interleaving") {
  const auto seeds = interleavings::to_play(2'000, 100'000);
  unsigned bad = 0;
  std::size_t descriptors = 0;
  outside out;
  for (const std::uint64_t seed : seeds) {
    const std::string wrong = connection_life(seed, out).play();
    out.context.restart();
    out.context.poll();
    if (seed == *seeds.begin()) descriptors = support::open_descriptors();
    if (wrong.empty()) continue;
    if (++bad <= 3) CHECK_MESSAGE(false, "seed ", seed, ": ", wrong);
  }
  MESSAGE(seeds.count(), " interleavings over pipes, ", bad, " bad");
  CHECK(bad == 0);
  CHECK_FALSE(static_cast<bool>(out.failure));
  CHECK(out.frames == 0);
  CHECK(out.calls_begun == out.calls_ended);
  CHECK(support::open_descriptors() == descriptors);
}
