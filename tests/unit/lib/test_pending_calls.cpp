#include "lib/pending_calls.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

using antiphon::detail::pending_calls;
using namespace std::chrono_literals;

namespace {

const pending_calls::clock::time_point start{1h};

std::vector<std::uint64_t> ids_of(pending_calls& calls) {
  std::vector<std::uint64_t> ids;
  std::size_t at = 0;
  while (const pending_calls::entry* call = calls.next(at)) ids.push_back(call->id);
  return ids;
}

}  // namespace

TEST_CASE("ids count up from one, and each finds its call while that is in flight") {
  pending_calls calls;
  CHECK(calls.find(0) == nullptr);
  CHECK(calls.find(1) == nullptr);
  CHECK_FALSE(calls.issued(1));
  CHECK(calls.add().id == 1);
  CHECK(calls.add().id == 2);
  CHECK(calls.size() == 2);
  REQUIRE(calls.find(1) != nullptr);
  CHECK(calls.find(1)->id == 1);
  calls.remove(*calls.find(1));
  CHECK(calls.find(1) == nullptr);
  CHECK(calls.issued(1));
  CHECK(calls.issued(2));
  CHECK_FALSE(calls.issued(3));
  CHECK_FALSE(calls.issued(0));
  CHECK(calls.add().id == 3);
  CHECK(ids_of(calls) == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("calls that have ended come out in that order, and are in flight until they are removed") {
  pending_calls calls;
  for (int i = 0; i < 5; ++i) calls.add();
  CHECK(calls.first_ended() == nullptr);
  calls.end(*calls.find(4), make_error_code(antiphon::errc::closed));
  calls.end(*calls.find(2), make_error_code(antiphon::errc::cancelled));
  CHECK(calls.size() == 5);
  CHECK_FALSE(calls.find(3)->ended());
  REQUIRE(calls.first_ended() == calls.find(4));
  CHECK(calls.find(4)->ended() == antiphon::errc::closed);
  calls.remove(*calls.find(4));
  REQUIRE(calls.first_ended() == calls.find(2));
  calls.end(*calls.find(1), make_error_code(antiphon::errc::closed));
  calls.remove(*calls.find(2));
  calls.remove(*calls.find(1));
  CHECK(calls.first_ended() == nullptr);
  // Neither of their places remembers it.
  CHECK_FALSE(calls.add().ended());
  CHECK(ids_of(calls) == std::vector<std::uint64_t>{3, 5, 6});
}

TEST_CASE("an id in the same place as one in flight is not mistaken for it") {
  pending_calls calls;
  calls.add();
  CHECK(calls.find(1 + 64) == nullptr);
  CHECK(calls.find(1 + (std::uint64_t{1} << 63)) == nullptr);
}

TEST_CASE("the table grows with the calls in flight and loses none") {
  pending_calls calls;
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    CHECK(calls.add().id == id);
    calls.find(id)->lent = id % 3 == 0;
  }
  CHECK(calls.size() == 5000);
  for (std::uint64_t id = 1; id <= 5000; ++id) {
    REQUIRE(calls.find(id) != nullptr);
    CHECK(calls.find(id)->lent == (id % 3 == 0));
  }
  CHECK(ids_of(calls).size() == 5000);
  calls.remove_all();
  CHECK(calls.size() == 0);
  CHECK(ids_of(calls).empty());
  CHECK(calls.find(17) == nullptr);
  CHECK(calls.add().id == 5001);
}

TEST_CASE("an id whose place an older call still has is skipped") {
  pending_calls calls;
  calls.add();
  std::set<std::uint64_t> seen{1};
  for (int i = 0; i < 1000; ++i) {
    pending_calls::entry& call = calls.add();
    CHECK(seen.insert(call.id).second);
    // The table of 64 places has not grown: the first call keeps its own.
    CHECK(call.id % 64 != 1);
    calls.remove(call);
  }
  CHECK(calls.find(1) != nullptr);
}

TEST_CASE("deadlines come out earliest first, whatever is removed in between") {
  pending_calls calls;
  std::mt19937 random(7);
  std::multimap<pending_calls::clock::time_point, std::uint64_t> expected;
  CHECK_FALSE(calls.next_deadline().has_value());
  CHECK(calls.expired(start) == nullptr);
  for (int i = 0; i < 3000; ++i) {
    const auto what = random() % 4;
    if (what < 3) {
      pending_calls::entry& call = calls.add();
      if (what < 2) {
        const auto when = start + std::chrono::milliseconds(random() % 500);
        calls.set_deadline(call, when);
        expected.emplace(when, call.id);
      }
    } else if (!expected.empty()) {
      auto victim = expected.begin();
      std::advance(victim, static_cast<std::ptrdiff_t>(random() % expected.size()));
      calls.remove(*calls.find(victim->second));
      expected.erase(victim);
    }
    if (expected.empty()) {
      CHECK_FALSE(calls.next_deadline().has_value());
    } else {
      CHECK(calls.next_deadline() == expected.begin()->first);
    }
  }
  REQUIRE(expected.size() > 100);
  CHECK(calls.expired(expected.begin()->first - 1ns) == nullptr);
  auto last = start;
  while (pending_calls::entry* call = calls.expired(start + 1h)) {
    CHECK(call->deadline >= last);
    last = call->deadline;
    calls.remove(*call);
    expected.erase(expected.begin());
  }
  CHECK(expected.empty());
  CHECK_FALSE(calls.next_deadline().has_value());
}

TEST_CASE("a place is clean when it is used again") {
  pending_calls calls;
  pending_calls::entry& first = calls.add();
  first.lent = first.sent = true;
  first.early = std::make_unique<std::optional<antiphon::detail::reply>>();
  calls.set_deadline(first, start);
  calls.remove(first);
  for (int i = 0; i < 200; ++i) {
    pending_calls::entry& call = calls.add();
    CHECK_FALSE(call.lent);
    CHECK_FALSE(call.sent);
    CHECK(call.early == nullptr);
    CHECK_FALSE(static_cast<bool>(call.waiter));
    calls.remove(call);
  }
  CHECK_FALSE(calls.next_deadline().has_value());
}

TEST_CASE("calls stay where they are however many are added") {
  pending_calls calls;
  std::vector<pending_calls::entry*> all;
  for (std::uint64_t id = 1; id <= 20'000; ++id) all.push_back(&calls.add());
  for (std::uint64_t id = 1; id <= 20'000; ++id) CHECK(calls.find(id) == all[id - 1]);
}

TEST_CASE("a deadline that moves is met when it is then, and not before") {
  pending_calls calls;
  pending_calls::entry& call = calls.add();
  pending_calls::entry& other = calls.add();
  calls.set_deadline(call, start + 2s);
  calls.set_deadline(other, start + 3s);
  CHECK(calls.next_deadline() == start + 2s);
  calls.set_deadline(call, start + 5s);
  CHECK(calls.next_deadline() == start + 3s);
  CHECK(calls.expired(start + 2s) == nullptr);
  calls.set_deadline(call, start + 1s);
  CHECK(calls.next_deadline() == start + 1s);
  CHECK(calls.expired(start + 1s) == &call);
  calls.set_deadline(call, start + 4s);
  CHECK(calls.expired(start + 3s) == &other);
  calls.remove(other);
  CHECK(calls.expired(start + 3s) == nullptr);
  CHECK(calls.expired(start + 4s) == &call);
  calls.clear_deadline(call);
  CHECK(calls.expired(start + 9s) == nullptr);
  CHECK_FALSE(calls.next_deadline().has_value());
  calls.set_deadline(call, start + 6s);
  CHECK(calls.next_deadline() == start + 6s);
}

TEST_CASE("a million calls are pending at once, are answered in any order, and expire in theirs") {
  constexpr std::uint64_t count = 1'000'000;
  pending_calls calls;
  for (std::uint64_t id = 1; id <= count; ++id)
    calls.set_deadline(calls.add(), start + std::chrono::microseconds(id * 7'919 % count));
  CHECK(calls.size() == count);
  std::uint64_t answered = 0;
  for (std::uint64_t id = 1; id <= count; id += 2) {
    pending_calls::entry* call = calls.find(id * 999'983 % count + 1);
    if (call == nullptr) continue;
    calls.remove(*call);
    ++answered;
  }
  CHECK(answered > count / 4);
  auto last = start;
  std::uint64_t expired = 0;
  bool in_order = true;
  while (pending_calls::entry* call = calls.expired(start + 1h)) {
    in_order = in_order && call->deadline >= last;
    last = call->deadline;
    calls.remove(*call);
    ++expired;
  }
  CHECK(in_order);
  CHECK(expired + answered == count);
  CHECK(calls.size() == 0);
  // As when all of them are abandoned.
  for (std::uint64_t id = 1; id <= count; ++id) calls.add();
  calls.remove_all();
  CHECK(calls.size() == 0);
}
