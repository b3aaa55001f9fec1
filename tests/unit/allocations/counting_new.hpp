#pragma once

#include <cstddef>

namespace test {

/// How often this program has asked for memory: operator new in all its forms, which counting_new.cpp
/// replaces.
std::size_t allocations() noexcept;
/// How many bytes that were, whether given back or not.
std::size_t allocated_bytes() noexcept;
/// How often Asio has, which takes what it can't reuse from std::aligned_alloc: mostly the frames of
/// coroutines.
std::size_t frame_allocations() noexcept;

/// How often `run` asks for memory.
template <class Run>
std::size_t allocations_in(Run run) {
  const std::size_t before = allocations();
  run();
  return allocations() - before;
}

}  // namespace test
