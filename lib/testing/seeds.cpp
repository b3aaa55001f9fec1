#include <antiphon/testing/seeds.hpp>

#include <cstdlib>

namespace antiphon::testing {

seeds::seeds(std::uint64_t count) : first_(1), last_(count) {
  if (const char* one = std::getenv("ANTIPHON_SEED")) first_ = last_ = std::strtoull(one, nullptr, 10);
}

}  // namespace antiphon::testing
