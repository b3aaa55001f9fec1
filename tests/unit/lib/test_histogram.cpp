#include <antiphon/histogram.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

constexpr double percents[] = {0.1, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};

/// The value that `percent` of the sorted `samples` don't exceed.
std::uint64_t exact(const std::vector<std::uint64_t>& samples, double percent) {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(samples.size())));
  return samples[std::max<std::size_t>(rank, 1) - 1];
}

}  // namespace

TEST_CASE("percentiles are within 0.4% of those of the sorted samples") {
  std::mt19937_64 random(17);
  std::lognormal_distribution<double> latency(9, 2);
  std::uniform_int_distribution<unsigned> bits(0, 63);
  for (int round = 0; round < 20; ++round) {
    antiphon::histogram histogram;
    std::vector<std::uint64_t> samples;
    for (int i = 0; i < 10'000; ++i) {
      // Like latencies in nanoseconds, and of every size.
      const std::uint64_t value =
          round % 2 == 0 ? static_cast<std::uint64_t>(latency(random)) : random() >> bits(random);
      samples.push_back(value);
      histogram.record(value);
    }
    std::ranges::sort(samples);
    CHECK(histogram.count() == samples.size());
    CHECK(histogram.max() == samples.back());
    for (const double percent : percents) {
      const auto right = static_cast<double>(exact(samples, percent));
      CAPTURE(percent);
      CHECK(std::abs(static_cast<double>(histogram.percentile(percent)) - right) <= 0.004 * right);
    }
  }
}

TEST_CASE("values below 256 are counted exactly") {
  antiphon::histogram histogram;
  for (std::uint64_t value = 1; value <= 200; ++value) histogram.record(value);
  CHECK(histogram.percentile(0) == 1);
  CHECK(histogram.percentile(50) == 100);
  CHECK(histogram.percentile(99.5) == 199);
  CHECK(histogram.percentile(100) == 200);
}

TEST_CASE("no percentile exceeds the largest value, and the largest value of all has a bucket") {
  antiphon::histogram histogram;
  histogram.record(1'000'001);
  CHECK(histogram.percentile(50) <= 1'000'001);
  histogram.record(UINT64_MAX);
  CHECK(histogram.max() == UINT64_MAX);
  CHECK(histogram.percentile(100) > UINT64_MAX / 256 * 255);
}

TEST_CASE("a histogram without values has 0 everywhere") {
  const antiphon::histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.percentile(99) == 0);
}

TEST_CASE("merging histograms counts what both have counted") {
  antiphon::histogram low;
  antiphon::histogram high;
  antiphon::histogram all;
  for (std::uint64_t value = 0; value < 1000; ++value) {
    low.record(value);
    high.record(value * 1'000'003);
    all.record(value);
    all.record(value * 1'000'003);
  }
  // Whichever has seen the larger values.
  for (const bool upward : {true, false}) {
    antiphon::histogram merged = upward ? low : high;
    merged.merge(upward ? high : low);
    CHECK(merged.count() == 2000);
    CHECK(merged.max() == 999 * std::uint64_t{1'000'003});
    for (const double percent : percents) CHECK(merged.percentile(percent) == all.percentile(percent));
  }
}
