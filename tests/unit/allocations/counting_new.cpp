#include "tests/unit/allocations/counting_new.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count;
std::atomic<std::size_t> bytes;
std::atomic<std::size_t> frames;

void* counted(void* memory, std::size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

std::size_t test::allocations() noexcept { return count.load(std::memory_order_relaxed); }
std::size_t test::allocated_bytes() noexcept { return bytes.load(std::memory_order_relaxed); }
std::size_t test::frame_allocations() noexcept { return frames.load(std::memory_order_relaxed); }

// Where Asio takes the frames of coroutines from.
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  frames.fetch_add(1, std::memory_order_relaxed);
  return __libc_memalign(alignment, size);
}

// The forms for arrays and the ones that don't throw come to these two.
void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size), size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(step, (size / step + 1) * step), size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
