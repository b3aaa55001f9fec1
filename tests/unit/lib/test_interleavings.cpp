#include "lib/pending_calls.hpp"
#include "lib/processor.hpp"
#include "tests/unit/lib/interleavings.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

using antiphon::endpoint_options;
using antiphon::detail::pending_calls;
using antiphon::detail::processor;
using interleavings::dice;

namespace {

constexpr unsigned most_messages = 8;
constexpr unsigned most_calls = 16;

/// A message and what became of it.
struct message : processor::item {
  bool known = false;     // it has arrived
  bool notified = false;  // it is a notification
  unsigned started = 0;
  unsigned answered = 0;
  std::uint64_t awaits = 0;  // the id of the call that its handler awaits
};

/// A few messages and calls from beginning to end, in an order drawn by lot. The two state machines are told
/// what a connection would tell them; the books are kept beside them, in the plainest way.
class life {
 public:
  explicit life(std::uint64_t seed) : dice_(seed), processor_(draw_options()) {}

  /// What went wrong; empty when every request was answered once and every call ended once.
  const char* play() {
    const unsigned steps = 8 + dice_.below(40);
    const unsigned close_at = dice_.below(steps + steps / 2);
    for (unsigned step = 0; step < steps && wrong_ == nullptr; ++step) {
      if (step == close_at) close();
      step_once();
      pump();
    }
    // Whoever is left ends now; handlers that await the peer get their answers first.
    open_ = true;
    for (unsigned round = 0; round < 4 * most_messages && !over() && wrong_ == nullptr; ++round) {
      pump();
      for (std::uint64_t id = 1; id <= last_call_; ++id) answer_call(id);
      for (message& each : messages_)
        if (runs(each)) end_handler(each);
    }
    check_end();
    return wrong_;
  }

 private:
  endpoint_options draw_options() {
    endpoint_options options;
    options.max_in_flight = 1 + dice_.below(3);
    options.max_queued = dice_.below(4);
    options.max_queued_bytes = 20 + dice_.below(200);
    options.max_in_flight_bytes = 20 + dice_.below(200);
    options.overload = dice_.once_in(2) ? antiphon::overload::wait : antiphon::overload::reject;
    rejects_ = options.overload == antiphon::overload::reject;
    return options;
  }

  void step_once() {
    switch (dice_.below(10)) {
      case 0:
      case 1:
      case 2: arrive(); break;
      case 3:
        if (message* found = any()) cancel(*found);
        break;
      case 4:
        if (message* found = any(); found != nullptr && runs(*found)) end_handler(*found);
        break;
      case 5:
        if (message* found = any(); found != nullptr && runs(*found)) call_peer(*found);
        break;
      case 6: answer_call(1 + dice_.below(static_cast<unsigned>(last_call_) + 2)); break;
      case 7: time_passes(); break;
      case 8:
        if (message* found = any(); found != nullptr && runs(*found)) processor_.release_order(*found);
        break;
      case 9: open_ = !dice_.once_in(4); break;
    }
  }

  message* any() { return arrived_ == 0 ? nullptr : &messages_[dice_.below(arrived_)]; }
  static bool waits(const message& m) { return m.state == processor::state::queued; }
  static bool runs(const message& m) {
    return m.state == processor::state::running || m.state == processor::state::lent;
  }
  bool over() const { return processor_.idle() && calls_.size() == 0; }
  void expect(bool right, const char* what) {
    if (!right && wrong_ == nullptr) wrong_ = what;
  }

  void arrive() {
    if (arrived_ == most_messages) return;
    message& m = messages_[arrived_++];
    m.known = true;
    m.notified = dice_.once_in(4);
    m.request = !m.notified;
    m.ordered = m.notified ? !dice_.once_in(3) : dice_.once_in(6);
    m.immediate = dice_.once_in(10);
    if (m.request && (closed_ || (rejects_ && !m.immediate && processor_.overloaded()))) return answer(m);
    if (m.notified && closed_) return;
    pump();
    processor_.hold(m, 1 + dice_.below(30));
    if (!processor_.starts_now(m, open_)) return processor_.enqueue(m);
    processor_.start(m);
    begun(m);
  }

  void pump() {
    while (processor::item* next = processor_.next(open_)) begun(static_cast<message&>(*next));
  }

  void begun(message& m) {
    expect(++m.started == 1, "a message started twice");
    expect(m.answered == 0, "a message started after its answer");
    if (dice_.once_in(3)) end_handler(m);
  }

  void answer(message& m) {
    if (m.request) expect(++m.answered == 1, "a request was answered twice");
  }

  void end_handler(message& m) {
    processor_.finish(m);
    answer(m);
    // Its call goes on without it, as one that was spawned does.
    m.awaits = 0;
  }

  void cancel(message& m) {
    if (waits(m) && m.request) {
      processor_.drop(m);
      answer(m);
    } else if (runs(m) && dice_.once_in(2)) {
      end_handler(m);  // the others ignore it
    }
  }

  void call_peer(message& m) {
    if (last_call_ == most_calls || m.awaits != 0 || closed_) return;
    pending_calls::entry& call = calls_.add();
    expect(call.id == last_call_ + 1, "an id came out of turn");
    last_call_ = call.id;
    ended_[call.id] = 0;
    m.awaits = call.id;
    call.lent = processor_.lend(m);
    if (dice_.once_in(2)) calls_.set_deadline(call, now_ + std::chrono::milliseconds(dice_.below(50)));
  }

  // A reply may come for what has ended already, or was never asked.
  void answer_call(std::uint64_t id) {
    pending_calls::entry* call = calls_.find(id);
    expect((call != nullptr) == (calls_.issued(id) && id <= most_calls && ended_[id] == 0),
           "a call was lost, or found after its end");
    if (call != nullptr) end_call(*call);
  }

  void end_call(pending_calls::entry& call) {
    const std::uint64_t id = call.id;
    calls_.remove(call);
    expect(++ended_[id] == 1, "a call ended twice");
    for (message& m : messages_) {
      if (m.awaits != id) continue;
      m.awaits = 0;
      processor_.reclaim(m);
    }
  }

  void time_passes() {
    now_ += std::chrono::milliseconds(dice_.below(20));
    while (pending_calls::entry* late = calls_.expired(now_)) end_call(*late);
    expect(!calls_.next_deadline() || *calls_.next_deadline() > now_, "a deadline was missed");
  }

  // What waits won't run, and nobody waits for the peer any more.
  void close() {
    closed_ = true;
    while (processor::item* waiting = processor_.any_queued()) {
      auto& m = static_cast<message&>(*waiting);
      processor_.drop(m);
      answer(m);
    }
    std::size_t at = 0;
    while (pending_calls::entry* call = calls_.next(at)) end_call(*call);
  }

  void check_end() {
    for (const message& m : messages_)
      expect(!m.known || m.answered == (m.request ? 1U : 0U), "a request was not answered");
    for (std::uint64_t id = 1; id <= last_call_; ++id) expect(ended_[id] == 1, "a call has not ended");
    expect(over(), "something is left");
    expect(processor_.in_flight() == 0 && processor_.queued_bytes() == 0, "a permit or bytes are left");
    expect(!calls_.next_deadline(), "a deadline is left");
  }

  dice dice_;
  bool rejects_ = false;
  std::array<message, most_messages> messages_;  // before the processor, which links them
  unsigned arrived_ = 0;
  processor processor_;
  pending_calls calls_;
  bool open_ = true;
  bool closed_ = false;
  std::array<unsigned, most_calls + 1> ended_{};
  std::uint64_t last_call_ = 0;
  pending_calls::clock::time_point now_{std::chrono::hours(1)};
  const char* wrong_ = nullptr;
};

}  // namespace

TEST_CASE(
    "in any interleaving of arrivals, ends, cancels, replies and a close each request is answered once") {
  const auto seeds = interleavings::to_play(50'000, 1'000'000);
  unsigned bad = 0;
  for (const std::uint64_t seed : seeds) {
    const char* wrong = life(seed).play();
    if (wrong == nullptr) continue;
    if (++bad == 1) CHECK_MESSAGE(false, "seed ", seed, ": ", std::string(wrong));
  }
  MESSAGE(seeds.count(), " interleavings of the state machines, ", bad, " bad");
  CHECK(bad == 0);
}
