#include "lib/processor.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <limits>

using antiphon::endpoint_options;
using antiphon::detail::processor;

namespace {

endpoint_options bounds(std::size_t in_flight, std::size_t queued = 4, std::size_t bytes = 1000) {
  endpoint_options options;
  options.max_in_flight = in_flight;
  options.max_queued = queued;
  options.max_queued_bytes = bytes;
  return options;
}

struct request : processor::item {
  explicit request(std::size_t size = 0, bool in_order = false) {
    item::request = true;
    ordered = in_order;
    bytes = size;
  }
};
struct notification : processor::item {
  explicit notification(std::size_t size = 0, bool in_order = true) {
    ordered = in_order;
    bytes = size;
  }
};

}  // namespace

TEST_CASE("requests take permits until there is none, then wait in order of arrival") {
  processor p(bounds(2));
  request a, b, c, d;
  for (request* r : {&a, &b}) {
    CHECK(p.starts_now(*r, true));
    p.start(*r);
  }
  CHECK(p.in_flight() == 2);
  CHECK_FALSE(p.starts_now(c, true));
  p.enqueue(c);
  p.enqueue(d);
  CHECK(p.queued() == 2);
  CHECK(p.next(true) == nullptr);

  p.finish(a);
  // What has just arrived does not overtake what waits.
  request late;
  CHECK_FALSE(p.starts_now(late, true));
  CHECK(p.next(true) == &c);
  CHECK(c.state == processor::state::running);
  CHECK(p.next(true) == nullptr);
  p.finish(b);
  CHECK(p.next(true) == &d);
  p.finish(c);
  p.finish(d);
  CHECK(p.idle());
  CHECK(p.in_flight_peak() == 2);
  CHECK(p.queued_peak() == 2);
}

TEST_CASE("a limit of no requests in flight counts as one") {
  processor p(bounds(0));
  request a, b;
  CHECK(p.limit() == 1);
  CHECK(p.starts_now(a, true));
  p.start(a);
  CHECK_FALSE(p.starts_now(b, true));
  p.finish(a);
}

TEST_CASE("no request starts while the output is backed up, notifications do") {
  processor p(bounds(2));
  request a;
  notification n;
  CHECK_FALSE(p.starts_now(a, false));
  p.enqueue(a);
  CHECK(p.starts_now(n, false));
  p.enqueue(n);
  CHECK(p.next(false) == &n);
  p.finish(n);
  CHECK(p.next(false) == nullptr);
  CHECK(p.next(true) == &a);
  p.finish(a);
}

TEST_CASE("nothing starts behind a running ordered message until it ends") {
  processor p(bounds(4));
  notification first, second;
  request a;
  p.start(first);
  CHECK_FALSE(p.starts_now(second, true));
  CHECK_FALSE(p.starts_now(a, true));
  p.enqueue(second);
  p.enqueue(a);
  CHECK(p.next(true) == nullptr);
  p.finish(first);
  CHECK(p.next(true) == &second);
  CHECK(p.next(true) == nullptr);
  p.finish(second);
  CHECK(p.next(true) == &a);
  p.finish(a);
  CHECK(p.idle());
}

TEST_CASE("release_order lets the messages behind start, once and for its own message only") {
  processor p(bounds(4));
  notification first, second, third;
  p.start(first);
  p.enqueue(second);
  p.enqueue(third);
  p.release_order(first);
  CHECK(p.next(true) == &second);
  // The first has no say over the second's order, neither by a second release nor by its end.
  p.release_order(first);
  CHECK(p.next(true) == nullptr);
  p.finish(first);
  CHECK(p.next(true) == nullptr);
  p.finish(second);
  CHECK(p.next(true) == &third);
  p.finish(third);
}

TEST_CASE("a notification passes requests that wait for a permit, and keeps its order otherwise") {
  processor p(bounds(1));
  request running, waiting;
  notification behind;
  p.start(running);
  p.enqueue(waiting);
  p.enqueue(behind);
  SUBCASE("no permit: it passes") {
    CHECK(p.next(true) == &behind);
    p.finish(behind);
    p.finish(running);
    CHECK(p.next(true) == &waiting);
    p.finish(waiting);
  }
  SUBCASE("a permit: it comes after the request") {
    p.finish(running);
    CHECK(p.next(true) == &waiting);
    CHECK(p.next(true) == &behind);
    p.finish(behind);
    p.finish(waiting);
  }
}

TEST_CASE("a notification does not pass an ordered request that waits") {
  processor p(bounds(1));
  request running, ordered(0, true);
  notification before, behind;
  p.start(running);
  p.enqueue(before);
  p.enqueue(ordered);
  CHECK_FALSE(p.starts_now(behind, true));
  p.enqueue(behind);
  CHECK(p.next(true) == &before);
  p.finish(before);
  CHECK(p.next(true) == nullptr);
  p.finish(running);
  CHECK(p.next(true) == &ordered);
  CHECK(p.next(true) == nullptr);
  p.finish(ordered);
  CHECK(p.next(true) == &behind);
  p.finish(behind);
}

TEST_CASE("immediate messages start past everything and take no permit") {
  processor p(bounds(1));
  request running, waiting, at_once;
  notification barrier;
  at_once.immediate = true;
  p.start(running);
  p.start(barrier);
  p.enqueue(waiting);
  CHECK(p.starts_now(at_once, false));
  p.start(at_once);
  CHECK(p.in_flight() == 1);
  CHECK_FALSE(p.lend(at_once));
  p.finish(at_once);
  CHECK(p.in_flight() == 1);
  p.drop(waiting);
  p.finish(barrier);
  CHECK_FALSE(p.idle());
  p.finish(running);
  CHECK(p.idle());
}

TEST_CASE("a lent permit serves another request, and comes back at once") {
  processor p(bounds(1));
  request a, b, c;
  p.start(a);
  p.enqueue(b);
  p.enqueue(c);
  CHECK(p.lend(a));
  CHECK_FALSE(p.lend(a));
  CHECK(p.in_flight() == 0);
  CHECK(p.next(true) == &b);
  p.reclaim(a);
  p.reclaim(a);
  // Above the limit for a while; nothing starts until it has fallen below.
  CHECK(p.in_flight() == 2);
  p.finish(b);
  CHECK(p.in_flight() == 1);
  CHECK(p.next(true) == nullptr);
  p.finish(a);
  CHECK(p.next(true) == &c);
  p.finish(c);
  CHECK(p.in_flight() == 0);
}

TEST_CASE("a handler that ends while its permit is lent gives back exactly one") {
  processor p(bounds(1));
  request a, b;
  p.start(a);
  CHECK(p.lend(a));
  p.start(b);
  p.finish(a);
  CHECK(p.in_flight() == 1);
  p.finish(b);
  CHECK(p.in_flight() == 0);
  CHECK(p.idle());
}

TEST_CASE("only running requests lend, and only so many of them") {
  processor p(bounds(1, 2));
  notification n(0, false);
  p.start(n);
  CHECK_FALSE(p.lend(n));
  p.finish(n);
  request waiting;
  p.enqueue(waiting);
  CHECK_FALSE(p.lend(waiting));
  p.drop(waiting);

  std::deque<request> many(2 + 64 + 1);
  for (std::size_t i = 0; i + 1 < many.size(); ++i) {
    p.start(many[i]);
    CHECK(p.lend(many[i]));
  }
  p.start(many.back());
  CHECK_FALSE(p.lend(many.back()));
  CHECK(p.in_flight() == 1);
  for (request& r : many) p.finish(r);
  CHECK(p.idle());
}

TEST_CASE("overload is known by number, pausing also by bytes") {
  processor p(bounds(1, 2, 100));
  request a, b(10), c(10);
  p.start(a);
  CHECK_FALSE(p.overloaded());
  p.enqueue(b);
  CHECK_FALSE(p.overloaded());
  CHECK_FALSE(p.full());
  p.enqueue(c);
  CHECK(p.overloaded());
  CHECK(p.full());
  CHECK_FALSE(p.requests_exhausted());
  CHECK(p.queued_bytes() == 20);

  p.drop(c);
  CHECK_FALSE(p.full());
  notification heavy(90), heavier(100), heaviest(100);
  p.enqueue(heavy);
  CHECK(p.queued_bytes() == 100);
  CHECK(p.full());
  p.enqueue(heavier);
  CHECK(p.requests_exhausted());
  CHECK_FALSE(p.exhausted());
  p.enqueue(heaviest);
  CHECK(p.exhausted());
  while (processor::item* left = p.any_queued()) p.drop(*left);
  CHECK(p.queued_bytes() == 0);
  p.finish(a);
}

TEST_CASE("notifications alone never count as overload") {
  processor p(bounds(1, 0, 1000));
  std::deque<notification> many(50);
  for (notification& n : many) p.enqueue(n);
  CHECK_FALSE(p.overloaded());
  CHECK_FALSE(p.full());
  while (processor::item* left = p.any_queued()) p.drop(*left);
}

TEST_CASE("what is dropped from the middle of the queue never runs, and its order goes with it") {
  processor p(bounds(1));
  request running, a, ordered(7, true), b;
  notification n;
  p.start(running);
  p.enqueue(a);
  p.enqueue(ordered);
  p.enqueue(b);
  p.enqueue(n);
  p.drop(ordered);
  CHECK(ordered.state == processor::state::idle);
  CHECK(p.queued() == 3);
  CHECK(p.next(true) == &n);
  p.finish(n);
  p.finish(running);
  CHECK(p.next(true) == &a);
  p.finish(a);
  CHECK(p.next(true) == &b);
  p.finish(b);
  CHECK(p.idle());
}

TEST_CASE("no request starts while those that run hold too much memory, notifications do up to twice that") {
  endpoint_options options = bounds(100);
  options.max_in_flight_bytes = 1000;
  processor p(options);
  request a, b, c;
  p.start(a);
  p.hold(a, 1000);
  CHECK_FALSE(p.starts_now(b, true));
  p.enqueue(b);
  CHECK(p.next(true) == nullptr);
  notification note(0, false), other(0, false);
  CHECK(p.starts_now(note, true));
  p.start(note);
  p.hold(note, 1000);
  CHECK_FALSE(p.starts_now(other, true));
  p.enqueue(other);
  CHECK(p.next(true) == nullptr);
  p.finish(a);
  CHECK(p.next(true) == &other);
  CHECK(p.next(true) == nullptr);
  p.finish(note);
  CHECK(p.next(true) == &b);
  p.finish(b);
  p.finish(other);
  CHECK(p.idle());
}

TEST_CASE("memory is lent like a permit, up to a bound of its own") {
  endpoint_options options = bounds(1);
  options.max_in_flight_bytes = 1000;
  processor p(options);
  request a, b, c;
  p.start(a);
  p.hold(a, 800);
  CHECK(p.lend(a));
  CHECK(p.starts_now(b, true));
  p.start(b);
  p.hold(b, 800);
  CHECK_FALSE(p.lend(b));
  CHECK_FALSE(p.starts_now(c, true));
  p.finish(b);
  CHECK(p.starts_now(c, true));
  p.finish(a);
  CHECK(p.idle());
}

TEST_CASE("memory that was lent and is taken back leaves room to lend for others") {
  endpoint_options options = bounds(10);
  options.max_in_flight_bytes = 1000;
  processor p(options);
  request a, b, c;
  for (request* r : {&a, &b, &c}) p.start(*r);
  p.hold(a, 800);
  p.hold(b, 100);
  p.hold(c, 200);
  CHECK(p.lend(a));
  p.reclaim(a);
  CHECK(p.lend(b));
  CHECK(p.lend(c));
  CHECK_FALSE(p.lend(a));
  for (request* r : {&a, &b, &c}) p.finish(*r);
  CHECK(p.idle());
}

TEST_CASE("options without a limit are no limit") {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  endpoint_options options = bounds(most, most, most);
  options.max_in_flight_bytes = most;
  for (const auto policy : {antiphon::overload::wait, antiphon::overload::reject}) {
    options.overload = policy;
    processor p(options);
    request a;
    CHECK(p.starts_now(a, true));
    CHECK_FALSE(p.overloaded());
    CHECK_FALSE(p.full());
    CHECK_FALSE(p.requests_exhausted());
    p.start(a);
    CHECK(p.lend(a));
    p.finish(a);
  }
}
