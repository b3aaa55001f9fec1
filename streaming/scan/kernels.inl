// Included into an anonymous namespace by one file for each instruction set, which defines `bytes64` before:
// 64 bytes, with
//   static bytes64 load(const char* at);                      64 bytes that are there
//   static bytes64 load(const char* at, std::size_t count);   fewer, with blanks behind them
//   std::uint64_t equal(char c) const;                        a bit for each byte
//   std::uint64_t below(char c) const;                        unsigned
//   std::uint64_t not_ascii() const;
//   std::uint64_t blanks() const;                             JSON's four
//   std::uint64_t digits() const;
//   std::uint64_t escape_letters() const;                     what may stand behind a backslash
//   std::uint64_t with_bit_5() const;                         '{' and '}' have it, '[' and ']' don't
//   void store(char* to) const;
//   bytes64 folded() const;                                   each byte | 0x20: '[' as '{', ']' as '}'
// and `std::uint64_t prefix_xor(std::uint64_t)`: bit i is the parity of the bits up to i.
// What may be there besides: see utf8.inl.

using std::uint64_t;

#define ANTIPHON_SCAN_INLINE __attribute__((always_inline)) inline

inline bytes64 load_upto(const char* at, std::size_t count) noexcept {
  return count >= 64 ? bytes64::load(at) : bytes64::load(at, count);
}

#if defined(ANTIPHON_SCAN_LOOKS_UP)
#include "streaming/scan/utf8.inl"
#else
#include "streaming/scan/utf8_by_bytes.inl"
#endif

// The bytes that a backslash escapes. An escaped backslash escapes nothing, so the runs of backslashes are
// told apart by the parity of where they begin (Langdale and Lemire, "Parsing Gigabytes of JSON per Second").
inline uint64_t escaped_bytes(uint64_t backslash, uint64_t& carry) noexcept {
  if (backslash == 0) return std::exchange(carry, 0);
  constexpr uint64_t even = 0x5555555555555555;
  backslash &= ~carry;
  const uint64_t follows = backslash << 1 | carry;
  const uint64_t odd_starts = backslash & ~even & ~follows;
  const uint64_t sum = odd_starts + backslash;
  carry = sum < backslash ? 1 : 0;
  return (even ^ (sum << 1)) & follows;
}

struct string_masks {
  uint64_t quotes;   // those that begin or end a string
  uint64_t inside;   // from the opening quote up to the byte before the closing one
  uint64_t escaped;  // bytes behind a backslash that escapes them
};

inline string_masks find_strings(const bytes64& in, string_state& state) noexcept {
  const uint64_t backslash = in.equal('\\');
  uint64_t quotes = in.equal('"');
  uint64_t escaped = 0;
  if ((backslash | state.escaped) != 0) {
    escaped = escaped_bytes(backslash, state.escaped);
    quotes &= ~escaped;
  }
  const uint64_t inside = prefix_xor(quotes) ^ state.inside;
  state.inside = uint64_t{0} - (inside >> 63);
  return {quotes, inside, escaped};
}

// The same for fewer than 64 bytes, which begin at the byte `first`: what is carried over is that of the last
// of them.
inline string_masks find_strings(const bytes64& in, std::size_t count, string_state& state,
                                 unsigned first = 0) noexcept {
  const uint64_t backslash = in.equal('\\') >> first;
  const uint64_t escaped = escaped_bytes(backslash, state.escaped);
  const uint64_t quotes = in.equal('"') >> first & ~escaped;
  const uint64_t inside = prefix_xor(quotes) ^ state.inside;
  state.inside = uint64_t{0} - (inside >> (count - 1) & 1);
  state.escaped = escaped >> count & 1;
  return {quotes, inside, escaped};
}

// The first block, 64 bytes a step, in which a string goes on that `begin` is within ends; or where fewer
// than 64 bytes are left.
inline const char* block_of_string_end(const char* begin, const char* end, uint64_t& escaped) noexcept {
  for (; end - begin >= 64; begin += 64) {
    const bytes64 in = bytes64::load(begin);
    const uint64_t before = escaped;
    if ((in.equal('"') & ~escaped_bytes(in.equal('\\'), escaped)) != 0) {
      escaped = before;
      break;
    }
  }
  return begin;
}

// The byte at which the depth comes back to 0, or 64; the depth goes on where it doesn't.
inline unsigned find_end(uint64_t open, uint64_t close, std::size_t& depth) noexcept {
  const auto closing = static_cast<std::size_t>(std::popcount(close));
  if (depth > closing) [[likely]] {
    depth = depth + static_cast<std::size_t>(std::popcount(open)) - closing;
    return 64;
  }
  for (uint64_t both = open | close; both != 0; both &= both - 1) {
    const uint64_t bracket = both & (~both + 1);
    if ((open & bracket) != 0) {
      ++depth;
    } else if (--depth == 0) {
      return static_cast<unsigned>(std::countr_zero(bracket));
    }
  }
  return 64;
}

const char* skip(const char* begin, const char* end, skip_state& state) noexcept {
  const auto look = [&state](const bytes64& in, const string_masks& strings) {
    const bytes64 folded = in.folded();
    return find_end(folded.equal('{') & ~strings.inside, folded.equal('}') & ~strings.inside, state.depth);
  };
  while (end - begin >= 64) {
    const bytes64 in = bytes64::load(begin);
    const string_masks strings = find_strings(in, state.strings);
    if (strings.quotes == 0 && strings.inside != 0) {
      begin = block_of_string_end(begin + 64, end, state.strings.escaped);
      continue;
    }
    const unsigned found = look(in, strings);
    if (found != 64) return begin + found + 1;
    begin += 64;
  }
  if (begin == end) return nullptr;
  const auto count = static_cast<std::size_t>(end - begin);
  const bytes64 in = bytes64::load(begin, count);
  const unsigned found = look(in, find_strings(in, count, state.strings));
  return found == 64 ? nullptr : begin + found + 1;
}

const char* string_end(const char* begin, const char* end) noexcept {
  uint64_t carry = 0;
  for (; begin < end; begin += 64) {
    const bytes64 in = load_upto(begin, static_cast<std::size_t>(end - begin));
    uint64_t quotes = in.equal('"');
    const uint64_t backslash = in.equal('\\');
    if ((backslash | carry) != 0) quotes &= ~escaped_bytes(backslash, carry);
    if (quotes != 0) return begin + std::countr_zero(quotes);
  }
  return nullptr;
}

const char* plain_end(const char* begin, const char* end) noexcept {
  for (; begin < end; begin += 64) {
    const bytes64 in = load_upto(begin, static_cast<std::size_t>(end - begin));
    const uint64_t special = in.equal('"') | in.equal('\\') | in.below(' ');
    if (special != 0) return begin + std::countr_zero(special);
  }
  return end;
}

const char* simple_end(const char* begin, const char* end) noexcept {
  for (; begin < end; begin += 64) {
    const bytes64 in = load_upto(begin, static_cast<std::size_t>(end - begin));
    const uint64_t special = in.equal('"') | in.equal('\\') | in.below(' ') | in.not_ascii();
    if (special != 0) return begin + std::countr_zero(special);
  }
  return end;
}

bool is_utf8(const char* begin, const char* end) noexcept {
  bool cut = false;  // a sequence may go on in the next block
  for (const char* at = begin; at < end; at += 64) {
    const auto count = static_cast<std::size_t>(end - at);
    const bytes64 in = load_upto(at, count);
    const uint64_t high = in.not_ascii();
    if ((high != 0 || cut) &&
        utf8_errors(at, in, std::min<std::size_t>(count, 64), static_cast<std::size_t>(at - begin)) != 0)
      return false;
    cut = high >> 61 != 0;
  }
  if (!cut || (end - begin) % 64 != 0) return true;  // else blanks behind the end have shown it
  const auto byte = [end](int back) { return static_cast<unsigned char>(end[-back]); };
  return byte(1) < 0xC0 && byte(2) < 0xE0 && byte(3) < 0xF0;
}

char* unescape(const char* begin, const char* end, char* out) noexcept {
  // Blocks with many: so that one need not wait for what was found out about the one before.
  while (end - begin >= 128) {
    const bytes64 in = bytes64::load(begin);
    if (in.below(' ') != 0) return nullptr;
    in.store(out);
    const uint64_t backslash = in.equal('\\');
    uint64_t carry = 0;
    std::ptrdiff_t at = 0;
    for (uint64_t starts = backslash & ~escaped_bytes(backslash, carry); starts != 0; starts &= starts - 1) {
      const auto next = static_cast<std::ptrdiff_t>(std::countr_zero(starts));
      bytes64::load(begin + at).store(out);
      out += next - at;
      at = next + 2;
      const char meaning = escape_meanings[static_cast<unsigned char>(begin[next + 1])];
      if (meaning != '\0') {
        *out++ = meaning;
        continue;
      }
      const char* escape = begin + next;
      if (!take_escape(escape, end, out)) return nullptr;
      at = escape - begin;
      break;  // it may be longer than the block
    }
    if (at == 0 || (at < 64 && backslash >> at == 0)) {
      if (at != 0) bytes64::load(begin + at).store(out);
      out += 64 - at;
      at = 64;
    }
    begin += at;
  }
  while (begin < end) {
    const auto count = static_cast<std::size_t>(end - begin);
    const bytes64 in = load_upto(begin, count);
    in.store(out);
    const uint64_t special = in.equal('\\') | in.below(' ');
    const auto plain = std::min<std::size_t>(count, static_cast<unsigned>(std::countr_zero(special)));
    begin += plain;
    out += plain;
    if (begin < end && static_cast<unsigned char>(*begin) < ' ') return nullptr;
    // Where there is one there are often more.
    while (begin < end && *begin == '\\') {
      const char meaning = end - begin < 2 ? '\0' : escape_meanings[static_cast<unsigned char>(begin[1])];
      if (meaning != '\0') {
        *out++ = meaning;
        begin += 2;
      } else if (!take_escape(begin, end, out)) {
        return nullptr;
      }
    }
  }
  return out;
}

inline uint64_t find_special(const bytes64& in) noexcept {
  return in.equal('"') | in.equal('\\') | in.below(' ');
}

inline char* write_escape(char c, char* out) noexcept {
  const escape_text& text = escape_texts[static_cast<unsigned char>(c)];
  std::memcpy(out, &text, sizeof(text));
  return out + text.size;
}

const char* escape(const char* begin, const char* end, char*& out, const char* out_end) noexcept {
  // Blocks with many: so that one need not wait for what was found out about the one before.
  constexpr std::ptrdiff_t longest = 64 * 6 + 64;
  while (end - begin >= 128 && out_end - out >= longest) {
    const bytes64 in = bytes64::load(begin);
    in.store(out);
    std::ptrdiff_t at = 0;
    for (uint64_t special = find_special(in); special != 0; special &= special - 1) {
      const auto next = static_cast<std::ptrdiff_t>(std::countr_zero(special));
      bytes64::load(begin + at).store(out);
      out = write_escape(begin[next], out + (next - at));
      at = next + 1;
    }
    if (at != 0) bytes64::load(begin + at).store(out);
    out += 64 - at;
    begin += 64;
  }
  while (begin < end && static_cast<std::size_t>(out_end - out) >= copy_room) {
    const auto count = static_cast<std::size_t>(end - begin);
    const bytes64 in = load_upto(begin, count);
    in.store(out);
    const uint64_t special = find_special(in);
    const auto plain = std::min<std::size_t>(count, static_cast<unsigned>(std::countr_zero(special)));
    begin += plain;
    out += plain;
    if (special != 0) out = write_escape(*begin++, out);
  }
  return begin;
}

// ---------------------------------------------------------------- the members of an object

// The masks of one block after the other.
class blocks {
 public:
  explicit blocks(std::string_view text) noexcept : end_(text.data() + text.size()), next_(text.data()) {}

  // Behind the string whose opening quote is at `at`; null when it has no end.
  ANTIPHON_SCAN_INLINE const char* string(const char* at) noexcept {
    if (!go_to(at + 1)) return nullptr;
    uint64_t quotes = quotes_ & from(at + 1);
    if (quotes == 0) {
      if (!take_next()) return nullptr;
      while (quotes_ == 0) {
        skip_inside();
        if (!take_next()) return nullptr;
      }
      quotes = quotes_;
    }
    return block_ + std::countr_zero(quotes) + 1;
  }

  // Behind the structure whose opening bracket is at `at`; null when it has no end.
  ANTIPHON_SCAN_INLINE const char* structure(const char* at) noexcept {
    if (!go_to(at)) return nullptr;
    std::size_t depth = 0;
    uint64_t mask = from(at);
    for (;;) {
      const unsigned found = find_end(open_ & mask, close_ & mask, depth);
      if (found != 64) return block_ + found + 1;
      if (quotes_ == 0 && strings_.inside != 0) skip_inside();
      if (!take_next()) return nullptr;
      mask = ~uint64_t{0};
    }
  }

 private:
  // Makes the block with `at` the current one; false when there are no more.
  ANTIPHON_SCAN_INLINE bool go_to(const char* at) noexcept {
    while (at >= next_) {
      if (!take_next()) return false;
    }
    return true;
  }

  bool take_next() noexcept {
    const auto count = static_cast<std::size_t>(end_ - next_);
    if (count == 0) return false;
    bytes64 in;
    string_masks strings;
    unsigned first = 0;
    if (count >= 64) {
      in = bytes64::load(next_);
      strings = find_strings(in, strings_);
    } else {
      // The last 64 bytes are there at once; fewer would have to be copied.
      first = block_ == nullptr ? 0 : 64 - static_cast<unsigned>(count);
      in = first == 0 ? bytes64::load(next_, count) : bytes64::load(end_ - 64);
      strings = find_strings(in, count, strings_, first);
    }
    const bytes64 folded = in.folded();
    block_ = next_;
    next_ += std::min<std::size_t>(count, 64);
    quotes_ = strings.quotes;
    open_ = folded.equal('{') >> first & ~strings.inside;
    close_ = folded.equal('}') >> first & ~strings.inside;
    return true;
  }

  uint64_t from(const char* at) const noexcept { return ~uint64_t{0} << (at - block_); }

  // Over blocks in which no string begins or ends.
  void skip_inside() noexcept { next_ = block_of_string_end(next_, end_, strings_.escaped); }

  const char* end_;
  const char* next_;             // all before it has been looked at
  const char* block_ = nullptr;  // the 64 bytes that were looked at last; where in them
  uint64_t quotes_ = 0;          // strings begin and end,
  uint64_t open_ = 0;            // structures begin, outside of strings,
  uint64_t close_ = 0;           // and end
  string_state strings_;
};

#include "streaming/scan/check.inl"
#include "streaming/scan/members.inl"
