#pragma once

#include "tests/support/sanitized.hpp"

#include <cstddef>

#if defined(ANTIPHON_TEST_ADDRESSES) && defined(__clang__)  // g++ has no such header
#define ANTIPHON_FUZZ_HEAP
#include <sanitizer/allocator_interface.h>
#endif

namespace fuzz {

/// How much more memory there is in use at most, while it lives, than there was. One at a time. It knows in
/// builds with clang's address sanitizer only; elsewhere the peak is 0.
class heap_watch {
 public:
  heap_watch(const heap_watch&) = delete;
  heap_watch& operator=(const heap_watch&) = delete;

#ifdef ANTIPHON_FUZZ_HEAP
  heap_watch() {
    static const bool installed = [] {
      __sanitizer_install_malloc_and_free_hooks(taken, given_back);
      return true;
    }();
    static_cast<void>(installed);
    used_ = peak_ = 0;
    on_ = true;
  }
  ~heap_watch() { on_ = false; }
  std::size_t peak() const { return static_cast<std::size_t>(peak_); }

 private:
  static void taken(const volatile void*, std::size_t size) {
    if (!on_) return;
    used_ += static_cast<std::ptrdiff_t>(size);
    if (used_ > peak_) peak_ = used_;
  }
  static void given_back(const volatile void* what) {
    if (!on_ || what == nullptr) return;
    used_ -= static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(what));
  }
  static inline thread_local bool on_ = false;
  static inline thread_local std::ptrdiff_t used_ = 0;
  static inline thread_local std::ptrdiff_t peak_ = 0;
#else
  heap_watch() = default;
  std::size_t peak() const { return 0; }
#endif
};

}  // namespace fuzz
