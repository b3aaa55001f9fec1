#include "lib/processor.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <list>
#include <random>
#include <vector>

using antiphon::endpoint_options;
using antiphon::detail::processor;

namespace {

// What the processor promises, in the plainest words: one list in arrival order, walked from the start each
// time.
class model {
 public:
  model(std::size_t limit, processor& real) : limit_(limit), real_(real) {}

  std::size_t in_flight() const {
    return static_cast<std::size_t>(
        std::count_if(running_.begin(), running_.end(), [](const processor::item* i) {
          return i->request && !i->immediate && i->state == processor::state::running;
        }));
  }

  processor::item* expected(bool open) const {
    if (barrier_ != nullptr) return nullptr;
    bool blocked = false;
    for (processor::item* i : queued_) {
      if (!i->request) return i;
      if (!blocked && open && in_flight() < limit_) return i;
      blocked = true;
      if (i->ordered) return nullptr;
    }
    return nullptr;
  }

  void arrive(processor::item& message, bool open) {
    queued_.push_back(&message);
    const bool at_once = message.immediate || expected(open) == &message;
    // The rest of the queue had its chance before, so only the new one can be next.
    REQUIRE(real_.starts_now(message, open) == at_once);
    if (!at_once) return real_.enqueue(message);
    queued_.pop_back();
    real_.start(message);
    started(message);
  }

  void pump(bool open) {
    for (;;) {
      processor::item* next = expected(open);
      REQUIRE(real_.next(open) == next);
      if (next == nullptr) return;
      std::erase(queued_, next);
      started(*next);
    }
  }

  void finish(processor::item& message) {
    real_.finish(message);
    std::erase(running_, &message);
    if (barrier_ == &message) barrier_ = nullptr;
  }
  void release_order(processor::item& message) {
    real_.release_order(message);
    if (barrier_ == &message) barrier_ = nullptr;
  }
  void drop(processor::item& message) {
    real_.drop(message);
    std::erase(queued_, &message);
  }

  void check() const {
    REQUIRE(real_.in_flight() == in_flight());
    REQUIRE(real_.queued() == queued_.size());
    std::size_t bytes = 0;
    for (const processor::item* i : queued_) bytes += i->bytes;
    REQUIRE(real_.queued_bytes() == bytes);
    REQUIRE(real_.idle() == (queued_.empty() && running_.empty()));
  }

  const std::vector<processor::item*>& running() const { return running_; }
  const std::vector<processor::item*>& queued() const { return queued_; }

 private:
  void started(processor::item& message) {
    running_.push_back(&message);
    if (message.ordered && !message.immediate) barrier_ = &message;
  }

  std::size_t limit_;
  processor& real_;
  std::vector<processor::item*> queued_;
  std::vector<processor::item*> running_;
  processor::item* barrier_ = nullptr;
};

void play(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  endpoint_options options;
  options.max_in_flight = 1 + below(4);
  options.max_queued = below(8);
  options.max_queued_bytes = 100;
  processor real(options);
  model expected(options.max_in_flight, real);
  std::list<processor::item> messages;
  bool open = true;

  for (int step = 0; step < 2000; ++step) {
    const auto& running = expected.running();
    const auto& queued = expected.queued();
    switch (below(8)) {
      case 0:
      case 1: {
        processor::item& message = messages.emplace_back();
        message.request = below(3) != 0;
        message.ordered = below(message.request ? 6 : 2) == 0;
        message.immediate = below(10) == 0;
        message.bytes = below(20);
        expected.pump(open);
        expected.arrive(message, open);
        break;
      }
      case 2:
      case 3:
        if (!running.empty()) expected.finish(*running[below(running.size())]);
        break;
      case 4:
        if (!running.empty()) {
          processor::item& message = *running[below(running.size())];
          const bool may =
              message.request && !message.immediate && message.state == processor::state::running;
          const bool lent = real.lend(message);
          REQUIRE((!lent || may));
        }
        break;
      case 5:
        if (!running.empty()) real.reclaim(*running[below(running.size())]);
        break;
      case 6:
        if (!queued.empty() && below(3) == 0) expected.drop(*queued[below(queued.size())]);
        if (!running.empty() && below(3) == 0) expected.release_order(*running[below(running.size())]);
        break;
      case 7: open = below(4) != 0; break;
    }
    expected.check();
    expected.pump(open);
    expected.check();
  }
  while (!expected.queued().empty()) expected.drop(*expected.queued().back());
  while (!expected.running().empty()) expected.finish(*expected.running().back());
  expected.check();
  CHECK(real.idle());
}

}  // namespace

TEST_CASE("in any sequence of events the processor starts what its rules say and counts what it holds") {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    play(seed);
  }
}
