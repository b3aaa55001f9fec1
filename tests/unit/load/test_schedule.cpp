#include "benchmarks/load/schedule.hpp"

#include <doctest/doctest.h>

using load::budget;
using load::nanoseconds;
using load::schedule;
using namespace std::chrono_literals;

namespace {

constexpr load::time_point begin{1234567s};

budget lasting(nanoseconds time) {
  budget whole;
  whole.time = time;
  return whole;
}

}  // namespace

TEST_CASE("requests are due at even distances from the beginning") {
  const schedule planned(begin, 1000, lasting(2s));
  CHECK(planned.count() == 2000);
  CHECK(planned.due(0) == begin);
  CHECK(planned.due(1) == begin + 1ms);
  CHECK(planned.due(1999) == begin + 1999ms);
}

TEST_CASE("a rate that isn't a whole number of nanoseconds doesn't drift") {
  const schedule planned(begin, 3e6, lasting(3600s));
  CHECK(planned.due(3'000'000) == begin + 1s);
  CHECK(planned.due(3'000'000ULL * 3600) == begin + 3600s);
  // 333 ns and a third each.
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    const auto distance = planned.due(n + 1) - planned.due(n);
    CHECK(distance >= 333ns);
    CHECK(distance <= 334ns);
  }
}

TEST_CASE("the last request is due before the time is over") {
  const schedule planned(begin, 0.4, lasting(10s));
  CHECK(planned.count() == 4);
  CHECK(planned.due(3) == begin + 7500ms);
  CHECK(schedule(begin, 0.5, lasting(1s)).count() == 1);
}

TEST_CASE("a number of messages counts instead of the time") {
  budget whole;
  whole.messages = 77;
  CHECK(schedule(begin, 10, whole).count() == 77);
}
