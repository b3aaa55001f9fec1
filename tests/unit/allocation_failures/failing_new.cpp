#include "tests/unit/allocation_failures/failing_new.hpp"

#include "tests/support/sanitized.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

// The programs have one thread.
namespace {

std::size_t requests = 0;
std::size_t first_to_fail = SIZE_MAX;
std::size_t other_to_fail = SIZE_MAX;
std::size_t blocks = 0;

bool paused = false;

bool fails() noexcept {
  if (paused) return false;
  ++requests;
  return requests == first_to_fail || requests == other_to_fail;
}

void* allocated(std::size_t size) {
  void* const memory = fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  ++blocks;
  return memory;
}

void* aligned(std::size_t alignment, std::size_t size) noexcept {
  void* memory = nullptr;
  if (fails() || ::posix_memalign(&memory, alignment, size) != 0) return nullptr;
  return memory;
}

void freed(void* memory) noexcept {
  if (memory == nullptr) return;
  --blocks;
  std::free(memory);
}

#ifndef ANTIPHON_TEST_SANITIZED
// Where Asio's blocks are, which it gives back with `free` as others do.
class addresses {
 public:
  void add(const void* memory) noexcept {
    std::size_t at = place(memory);
    while (places_[at] != nullptr && places_[at] != gone()) at = (at + 1) % size;
    places_[at] = memory;
  }
  bool remove(const void* memory) noexcept {
    for (std::size_t at = place(memory); places_[at] != nullptr; at = (at + 1) % size) {
      if (places_[at] != memory) continue;
      places_[at] = gone();
      return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t size = 1 << 16;
  static const void* gone() noexcept { return &requests; }
  static std::size_t place(const void* memory) noexcept {
    return (reinterpret_cast<std::uintptr_t>(memory) >> 4) % size;
  }
  const void* places_[size];
};
addresses of_asio;
#endif

}  // namespace

void test::fail_allocations(std::size_t first, std::size_t gap) noexcept {
  requests = 0;
  first_to_fail = first;
  other_to_fail = gap == 0 ? SIZE_MAX : first + gap;
}
std::size_t test::stop_failing() noexcept {
  first_to_fail = other_to_fail = SIZE_MAX;
  return requests;
}
void test::pause_failing() noexcept { paused = true; }
void test::go_on_failing() noexcept { paused = false; }
bool test::has_failed() noexcept { return requests >= first_to_fail; }

#ifdef ANTIPHON_TEST_SANITIZED
std::size_t test::blocks_in_use() noexcept { return 0; }
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return aligned(alignment, size);
}
#else
std::size_t test::blocks_in_use() noexcept { return blocks; }

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  void* const memory = aligned(alignment, size);
  if (memory == nullptr) return nullptr;
  of_asio.add(memory);
  ++blocks;
  return memory;
}
extern "C" void __libc_free(void* memory);
extern "C" void free(void* memory) noexcept {
  if (memory != nullptr && of_asio.remove(memory)) --blocks;
  __libc_free(memory);
}
#endif

// The forms for arrays and the ones that don't throw come to these two.
void* operator new(std::size_t size) { return allocated(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  void* const memory = aligned(static_cast<std::size_t>(alignment), size);
  if (memory == nullptr) throw std::bad_alloc();
  ++blocks;
  return memory;
}
void operator delete(void* memory) noexcept { freed(memory); }
void operator delete(void* memory, std::size_t) noexcept { freed(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { freed(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { freed(memory); }
