#include <antiphon/testing/seeds.hpp>

#include <cstdlib>

namespace antiphon::testing {

seeds::seeds(std::uint64_t count) : first_(1), last_(count) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it in a test that runs
  if (const char* one = std::getenv("ANTIPHON_SEED")) first_ = last_ = std::strtoull(one, nullptr, 10);
}

}  // namespace antiphon::testing
