#include "benchmarks/load/histogram.hpp"

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
    load::histogram histogram;
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
  load::histogram histogram;
  for (std::uint64_t value = 1; value <= 200; ++value) histogram.record(value);
  CHECK(histogram.percentile(0) == 1);
  CHECK(histogram.percentile(50) == 100);
  CHECK(histogram.percentile(99.5) == 199);
  CHECK(histogram.percentile(100) == 200);
}

TEST_CASE("no percentile exceeds the largest value, and the largest value of all has a bucket") {
  load::histogram histogram;
  histogram.record(1'000'001);
  CHECK(histogram.percentile(50) <= 1'000'001);
  histogram.record(UINT64_MAX);
  CHECK(histogram.max() == UINT64_MAX);
  CHECK(histogram.percentile(100) > UINT64_MAX / 256 * 255);
}

TEST_CASE("a histogram without values has 0 everywhere") {
  const load::histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.max() == 0);
  CHECK(histogram.percentile(99) == 0);
}
