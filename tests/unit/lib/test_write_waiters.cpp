#include "lib/write_waiters.hpp"

#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

// Who goes on when something of what is owed has been written, without any connection.

using antiphon::errc;
using antiphon::error_code;
using antiphon::detail::outbox;
using antiphon::detail::waiter;
using antiphon::detail::write_waiters;
using line = write_waiters::line;

namespace {

constexpr std::size_t frame = 10;
constexpr std::size_t most = 2 * frame;

/// An outbox, and those who wait for it. Who goes on is noted by name, with what he is told.
struct harness {
  antiphon::buffer_pool pool;
  outbox out{pool};
  write_waiters waiters{out, most};
  antiphon::line_framing rules{antiphon::limits()};
  std::vector<antiphon::slice> parts;
  std::vector<std::string> gone_on;

  /// Owes ten bytes more.
  void owe() {
    out.chain().begin_frame(rules);
    out.chain().append("123456789");
    out.chain().end_frame(rules);
  }
  void write_all() {
    out.take(parts);
    parts.clear();
    out.end_write(true);
  }
  void wait(write_waiters::place& one, std::string name, line which, std::uint64_t position) {
    one.id = waiters.next_id();
    one.position = position;
    one.who = waiter<write_waiters::outcome>([this, name = std::move(name)](write_waiters::outcome told) {
      gone_on.push_back(told.error ? name + ": " + told.error.message() : name);
    });
    waiters.join(which, one);
  }
  void release() {
    waiters.release([](auto who, write_waiters::outcome told) { who(told); });
  }
};

using names = std::vector<std::string>;

std::string told(const std::string& name, errc why) { return name + ": " + error_code(why).message(); }

}  // namespace

TEST_CASE("who waits for a place goes on once it is written, the first places first") {
  harness h;
  h.owe();
  const auto first = h.out.last().end;
  h.owe();
  const auto second = h.out.last().end;
  write_waiters::place late;
  write_waiters::place early;
  h.wait(late, "late", line::first_lane, second);
  h.wait(early, "early", line::first_lane, first);
  CHECK_FALSE(h.waiters.may_go_on());
  h.release();
  CHECK(h.gone_on.empty());

  h.write_all();
  CHECK(h.waiters.written(line::first_lane, second));
  CHECK(h.waiters.may_go_on());
  h.release();
  CHECK(h.gone_on == names{"early", "late"});
  CHECK_FALSE(h.waiters.may_go_on());
}

TEST_CASE("who waits for room goes on when enough is written only while there is room") {
  harness h;
  h.owe();
  h.write_all();
  write_waiters::place one;
  h.wait(one, "one", line::room, frame);
  for (int i = 0; i < 3; ++i) h.owe();
  CHECK_FALSE(h.waiters.may_go_on());
  h.write_all();
  CHECK(h.waiters.may_go_on());
  h.release();
  CHECK(h.gone_on == names{"one"});
}

TEST_CASE("who gives up goes on alone, and is told why") {
  harness h;
  h.owe();
  write_waiters::place stays;
  write_waiters::place goes;
  h.wait(stays, "stays", line::first_lane, frame);
  h.wait(goes, "goes", line::first_lane, frame);
  CHECK(h.waiters.give_up(line::first_lane, goes.id, errc::timed_out));
  CHECK_FALSE(h.waiters.give_up(line::first_lane, goes.id, errc::cancelled));
  CHECK_FALSE(h.waiters.give_up(line::room, stays.id, errc::cancelled));
  h.release();
  CHECK(h.gone_on == names{told("goes", errc::timed_out)});
}

TEST_CASE("when nothing will be written any more all go on, and are told the first reason") {
  harness h;
  h.owe();
  write_waiters::place first;
  write_waiters::place second;
  write_waiters::place given_up;
  h.wait(first, "first", line::first_lane, frame);
  h.wait(second, "second", line::room, 5 * frame);
  h.wait(given_up, "given up", line::second_lane, frame);
  CHECK(h.waiters.give_up(line::second_lane, given_up.id, errc::cancelled));
  h.waiters.fail(errc::connection_lost);
  h.waiters.fail(errc::closed);
  CHECK(h.waiters.may_go_on());
  h.release();
  CHECK(h.gone_on == names{told("first", errc::connection_lost), told("given up", errc::cancelled),
                           told("second", errc::connection_lost)});
}

TEST_CASE("what was written before all failed is told so") {
  harness h;
  h.owe();
  write_waiters::place one;
  h.wait(one, "one", line::first_lane, frame);
  h.write_all();
  h.waiters.fail(errc::connection_lost);
  h.release();
  CHECK(h.gone_on == names{"one"});
}
