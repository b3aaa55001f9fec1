#pragma once

#include "tests/unit/allocations/counting_new.hpp"

#include <antiphon/buffer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <string>

// What the tests that count allocations share. Each case prints what it counted.
namespace test {

// Bytes of the messages, or of what is in them.
constexpr std::size_t sizes[] = {170, 4 * 1024, 40 * 1024, 1024 * 1024};

inline void report(const std::string& what, std::size_t count) {
  std::printf("%-52s %zu allocations\n", what.c_str(), count);
  CHECK_MESSAGE(count == 0, what);
}

constexpr std::size_t largest_block = 4 * 1024 * 1024;

// Blocks of one size.
class blocks final : public antiphon::buffer_source {
 public:
  explicit blocks(std::size_t size) : size_(size) {}
  antiphon::buffer acquire(std::size_t at_least) override {
    return antiphon::buffer::allocate(std::max(at_least, size_));
  }

 private:
  std::size_t size_;
};

}  // namespace test
