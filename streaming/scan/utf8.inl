// Included by kernels.inl where bytes can be looked up in a table of sixteen; `bytes64` has besides
//   bytes64 high_nibbles() const;
//   bytes64 low_nibbles() const;
//   bytes64 found_in(const std::uint8_t (&table)[16]) const;   each byte is below 16
//   bytes64 minus(std::uint8_t) const;                         not below 0
//   static bytes64 all(std::uint8_t);
//   operators & | ^
//   uint64_t not_zero() const;

// Whether the `count` bytes at `at`, which are `in`, go on as UTF-8 must: else not 0 (Keiser and Lemire,
// "Validating UTF-8 in Less Than One Instruction per Byte", 2020). `before` bytes of the same text stand in
// front of them. That a sequence is cut off by the block's end shows in the next block.
inline uint64_t utf8_errors(const char* at, const bytes64& in, std::size_t count,
                            std::size_t before) noexcept {
  constexpr std::uint8_t too_short = 1, too_long = 2, overlong_3 = 4, too_large = 8, surrogate = 16,
                         overlong_2 = 32, too_large_1000 = 64, overlong_4 = 64, two_continuations = 128;
  constexpr std::uint8_t carry = too_short | too_long | two_continuations;
  static constexpr std::uint8_t first_high[16] = {too_long,
                                                  too_long,
                                                  too_long,
                                                  too_long,
                                                  too_long,
                                                  too_long,
                                                  too_long,
                                                  too_long,
                                                  two_continuations,
                                                  two_continuations,
                                                  two_continuations,
                                                  two_continuations,
                                                  too_short | overlong_2,
                                                  too_short,
                                                  too_short | overlong_3 | surrogate,
                                                  too_short | too_large | too_large_1000 | overlong_4};
  static constexpr std::uint8_t first_low[16] = {carry | overlong_3 | overlong_2 | overlong_4,
                                                 carry | overlong_2,
                                                 carry,
                                                 carry,
                                                 carry | too_large,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000 | surrogate,
                                                 carry | too_large | too_large_1000,
                                                 carry | too_large | too_large_1000};
  static constexpr std::uint8_t second_high[16] = {
      too_short,
      too_short,
      too_short,
      too_short,
      too_short,
      too_short,
      too_short,
      too_short,
      too_long | overlong_2 | two_continuations | overlong_3 | too_large_1000 | overlong_4,
      too_long | overlong_2 | two_continuations | overlong_3 | too_large,
      too_long | overlong_2 | two_continuations | surrogate | too_large,
      too_long | overlong_2 | two_continuations | surrogate | too_large,
      too_short,
      too_short,
      too_short,
      too_short};

  alignas(64) char first[64 + 3];
  const char* from = at;
  if (before < 3) {  // nothing may be read in front of the text
    std::memset(first, ' ', sizeof(first));
    std::memcpy(first + 3 - before, at - before, before + count);
    from = first + 3;
  }
  const bytes64 previous = load_upto(from - 1, count + 1);
  const bytes64 second_previous = load_upto(from - 2, count + 2);
  const bytes64 third_previous = load_upto(from - 3, count + 3);
  const bytes64 special = previous.high_nibbles().found_in(first_high) &
                          previous.low_nibbles().found_in(first_low) &
                          in.high_nibbles().found_in(second_high);
  // Third and fourth bytes, and nothing else, must be continuations behind a continuation.
  const bytes64 must_go_on = second_previous.minus(0xE0 - 0x80) | third_previous.minus(0xF0 - 0x80);
  return ((must_go_on & bytes64::all(0x80)) ^ special).not_zero();
}
