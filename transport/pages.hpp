#pragma once

#include <cstddef>

namespace antiphon {

/// Whole pages of memory, of which the kernel gives each once it is touched.

std::size_t page_size() noexcept;
/// `size` rounded up to whole pages. It must leave room for that.
std::size_t whole_pages(std::size_t size) noexcept;

/// `size` is a multiple of the page size in all of these. Null when there is no memory.
char* map_pages(std::size_t size) noexcept;
void unmap_pages(char* pages, std::size_t size) noexcept;
/// The same pages and more behind them, perhaps at another address; nothing is copied. Null, and nothing
/// changed, when there is no memory or the system can't do that.
char* extend_pages(char* pages, std::size_t size, std::size_t new_size) noexcept;
/// Their content is lost, and their memory the system's until they are touched again.
void release_pages(char* pages, std::size_t size) noexcept;

}  // namespace antiphon
