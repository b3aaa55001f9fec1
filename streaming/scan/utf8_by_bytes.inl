// Included by kernels.inl where bytes can't be looked up; see utf8.inl.

inline uint64_t utf8_errors(const char* at, const bytes64&, std::size_t count, std::size_t before) noexcept {
  const char* const end = at + count;
  // A sequence that the block before cut off is looked at whole.
  const char* next = at;
  for (std::size_t back = 1; back <= std::min<std::size_t>(before, 3); ++back) {
    const auto c = static_cast<unsigned char>(at[-static_cast<std::ptrdiff_t>(back)]);
    if (c >= 0xC0) next = at - back;
    if (c < 0x80 || c >= 0xC0) break;
  }
  while (next != end) {
    if (static_cast<unsigned char>(*next) < 0x80) {
      ++next;
    } else if (!skip_multi_byte(next, end)) {
      return next == end && count == 64 ? 0 : 1;
    }
  }
  return 0;
}
