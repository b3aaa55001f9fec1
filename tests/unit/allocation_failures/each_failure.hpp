#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace test {

/// What there was to see of something that was done over and over, each time with another request for memory
/// failing.
struct outcome {
  std::size_t runs = 0;
  std::size_t bad = 0;
  /// Of the first bad ones, one a line, with what replays them.
  std::string report;
};

/// Does it with the first request for memory failing, then with the second, until it needs no more: each time
/// in another process, so that it may crash or hang.
/// @param what returns what was wrong, null when nothing was. Does it whole before that is asked for
/// @param gap another request fails so many later; 0: no other
outcome with_each_failure(const char* name, std::size_t gap, const std::function<const char*()>& what);

}  // namespace test
