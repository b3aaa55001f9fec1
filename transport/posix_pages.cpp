#include "transport/pages.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#if defined(__SANITIZE_THREAD__)
#define ANTIPHON_THREAD_SANITIZED
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ANTIPHON_THREAD_SANITIZED
#endif
#endif

namespace antiphon {

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t whole_pages(std::size_t size) noexcept {
  return (size + page_size() - 1) / page_size() * page_size();
}

char* map_pages(std::size_t size) noexcept {
  void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<char*>(pages);
}

void unmap_pages(char* pages, std::size_t size) noexcept { ::munmap(pages, size); }

void release_pages(char* pages, std::size_t size) noexcept { ::madvise(pages, size, MADV_DONTNEED); }

#if defined(ANTIPHON_THREAD_SANITIZED)
// The thread sanitizer doesn't see mremap, so it would mistake those who had an address before for those who
// have it now.
char* extend_pages(char* pages, std::size_t size, std::size_t new_size) noexcept {
  char* const moved = map_pages(new_size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, pages, size);
  unmap_pages(pages, size);
  return moved;
}
#elif defined(__linux__)
char* extend_pages(char* pages, std::size_t size, std::size_t new_size) noexcept {
  void* const moved = ::mremap(pages, size, new_size, MREMAP_MAYMOVE);
  return moved == MAP_FAILED ? nullptr : static_cast<char*>(moved);
}
#else
char* extend_pages(char*, std::size_t, std::size_t) noexcept { return nullptr; }
#endif

}  // namespace antiphon
