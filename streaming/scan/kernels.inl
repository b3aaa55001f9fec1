// Included into an anonymous namespace by one file for each instruction set, which defines `bytes64` before:
// 64 bytes, with
//   static bytes64 load(const char* at);                      64 bytes that are there
//   static bytes64 load(const char* at, std::size_t count);   fewer, with blanks behind them
//   std::uint64_t equal(char c) const;                        a bit for each byte
//   std::uint64_t below(char c) const;                        unsigned
//   std::uint64_t not_ascii() const;
//   bytes64 folded() const;                                   each byte | 0x20
//   std::uint64_t digits() const;
// and `prefix_xor(std::uint64_t)`: bit i is the parity of the bits up to i.

using std::uint64_t;

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

// The same for fewer than 64 bytes: what is carried over is that of the last of them.
inline string_masks find_strings(const bytes64& in, std::size_t count, string_state& state) noexcept {
  const uint64_t backslash = in.equal('\\');
  const uint64_t escaped = escaped_bytes(backslash, state.escaped);
  const uint64_t quotes = in.equal('"') & ~escaped;
  const uint64_t inside = prefix_xor(quotes) ^ state.inside;
  state.inside = uint64_t{0} - (inside >> (count - 1) & 1);
  state.escaped = escaped >> count & 1;
  return {quotes, inside, escaped};
}

// The byte at which the depth comes back to 0, or 64; the depth goes on where it doesn't.
inline unsigned find_end(uint64_t open, uint64_t close, std::size_t& depth) noexcept {
  const auto closing = static_cast<std::size_t>(std::popcount(close));
  if (depth > closing) [[likely]] {
    depth = depth + static_cast<std::size_t>(std::popcount(open)) - closing;
    return 64;
  }
  for (uint64_t both = open | close; both != 0; both &= both - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(both));
    if ((open >> at & 1) != 0) {
      ++depth;
    } else if (--depth == 0) {
      return at;
    }
  }
  return 64;
}

const char* skip(const char* begin, const char* end, skip_state& state) noexcept {
  const auto look = [&state](const bytes64& in, const string_masks& strings) {
    const bytes64 folded = in.folded();
    return find_end(folded.equal('{') & ~strings.inside, folded.equal('}') & ~strings.inside, state.depth);
  };
  for (; end - begin >= 64; begin += 64) {
    const bytes64 in = bytes64::load(begin);
    const unsigned found = look(in, find_strings(in, state.strings));
    if (found != 64) return begin + found + 1;
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
    const auto count = static_cast<std::size_t>(end - begin);
    const bytes64 in = count >= 64 ? bytes64::load(begin) : bytes64::load(begin, count);
    uint64_t quotes = in.equal('"');
    const uint64_t backslash = in.equal('\\');
    if ((backslash | carry) != 0) quotes &= ~escaped_bytes(backslash, carry);
    if (quotes != 0) return begin + std::countr_zero(quotes);
  }
  return nullptr;
}

const char* plain_end(const char* begin, const char* end) noexcept {
  for (; begin < end; begin += 64) {
    const auto count = static_cast<std::size_t>(end - begin);
    const bytes64 in = count >= 64 ? bytes64::load(begin) : bytes64::load(begin, count);
    const uint64_t special = in.equal('"') | in.equal('\\') | in.below(' ');
    if (special != 0) return begin + std::countr_zero(special);
  }
  return end;
}

bool is_utf8(const char* begin, const char* end) noexcept {
  while (begin < end) {
    const auto count = static_cast<std::size_t>(end - begin);
    const bytes64 in = count >= 64 ? bytes64::load(begin) : bytes64::load(begin, count);
    const uint64_t high = in.not_ascii();
    if (high == 0) {
      begin += 64;
      continue;
    }
    const char* const block_end = begin + std::min<std::size_t>(count, 64);
    begin += std::countr_zero(high);
    while (begin < block_end) {
      if (static_cast<unsigned char>(*begin) < 0x80) {
        ++begin;
      } else if (!skip_multi_byte(begin, end)) {
        return false;
      }
    }
  }
  return true;
}

// ---------------------------------------------------------------- check

class checker {
 public:
  checker(const char* text, std::size_t size, bool last, check_state& state) noexcept
      : text_(text), size_(size), last_(last), state_(state) {}

  bool run() noexcept {
    while (size_ - state_.at >= 64 + (last_ ? 0 : lookahead)) {
      const bytes64 in = bytes64::load(text_ + state_.at);
      if (!block(in, 64, find_strings(in, state_.strings))) return false;
      state_.at += 64;
    }
    if (!last_) return true;
    const std::size_t count = size_ - state_.at;
    if (count != 0) {
      const bytes64 in = bytes64::load(text_ + state_.at, count);
      if (!block(in, count, find_strings(in, count, state_.strings))) return false;
      state_.at = size_;
    }
    return state_.next == expect::nothing && state_.strings.inside == 0 && settle_pending();
  }

 private:
  using expect = check_state::expect;

  bool block(const bytes64& in, std::size_t count, const string_masks& strings) noexcept {
    if ((in.below(' ') & strings.inside) != 0) return false;
    const uint64_t high = in.not_ascii();
    if (high != 0 || state_.utf8 > state_.at) {
      if (!utf8(high, count)) return false;
    }
    if (strings.escaped != 0 && !escapes(in, strings.escaped & strings.inside)) return false;
    if ((strings.inside & ~strings.quotes) == ~uint64_t{0}) return true;  // nothing but a string's inside
    const bytes64 folded = in.folded();
    const uint64_t brackets = folded.equal('{') | folded.equal('}');
    const uint64_t commas = in.equal(',') & ~strings.inside;
    const uint64_t blanks = in.equal(' ') | in.equal('\n') | in.equal('\r') | in.equal('\t');
    const uint64_t in_strings = strings.inside | strings.quotes;
    const uint64_t operators = ((brackets | in.equal(':')) & ~strings.inside) | commas;
    const uint64_t scalars = ~(operators | blanks | in_strings);
    const uint64_t starts = scalars & ~(scalars << 1 | state_.scalar);
    state_.scalar = scalars >> 63;
    const uint64_t digits = in.digits();
    if ((in_array() && (digits | commas | blanks) == ~uint64_t{0})) return integers(in, digits, commas, scalars, starts);
    return tokens(operators | starts | (strings.quotes & strings.inside), scalars, digits);
  }

  bool in_array() const noexcept {
    return state_.next == expect::comma_or_array_end ||
           (state_.next == expect::value && state_.depth != 0 && !in_object());
  }

  // Integers and commas by turns, all of them at once.
  bool integers(const bytes64& in, uint64_t digits, uint64_t commas, uint64_t scalars, uint64_t starts) noexcept {
    if (state_.pending != check_state::none && (~scalars & 1) == 0 && scalars != ~uint64_t{0}) {
      // One from before goes on here, and ends here.
      if (!settle_pending()) return false;
    } else if ((scalars & 1) == 0 || (starts & 1) != 0) {
      if (!settle_pending()) return false;
    }
    // A 1 behind each start and before each comma, when they take turns.
    const uint64_t turns =
        prefix_xor(starts | commas) ^ (state_.next == expect::comma_or_array_end ? ~uint64_t{0} : 0);
    if (((starts & ~turns) | (commas & turns)) != 0) return false;
    if ((in.equal('0') & starts & digits >> 1) != 0) return false;
    if (starts != 0 && scalars >> 63 != 0)
      state_.pending = state_.at + 63 - static_cast<std::size_t>(std::countl_zero(starts));
    state_.next = turns >> 63 != 0 ? expect::comma_or_array_end : expect::value;
    return true;
  }

  // Only \" \\ \/ \b \f \n \r \t and \uXXXX are escapes.
  bool escapes(const bytes64& in, uint64_t escaped) noexcept {
    uint64_t unicode = in.equal('u') & escaped;
    const uint64_t simple = in.equal('"') | in.equal('\\') | in.equal('/') | in.equal('b') | in.equal('f') |
                            in.equal('n') | in.equal('r') | in.equal('t');
    if ((escaped & ~(simple | unicode)) != 0) return false;
    for (; unicode != 0; unicode &= unicode - 1) {
      const std::size_t at = state_.at + static_cast<std::size_t>(std::countr_zero(unicode));
      if (at == state_.low_half) continue;  // has been looked at with the high one
      const std::size_t length = unicode_escape_length(text_ + at, text_ + size_);
      if (length == 0) return false;
      if (length > 5) state_.low_half = at + 6;
    }
    return true;
  }

  // One state is one place in the code, so that the processor learns what follows what.
  bool tokens(uint64_t bits, uint64_t scalars, uint64_t digits) noexcept {
    if (bits == 0) return true;
    if (!settle_pending()) return false;
    const char* const block = text_ + state_.at;
    unsigned bit = 0;
    char c = 0;
    const auto take = [&]() -> bool {
      if (bits == 0) return false;
      bit = static_cast<unsigned>(std::countr_zero(bits));
      bits &= bits - 1;
      c = block[bit];
      return true;
    };
    const auto stop_before = [this](expect next) {
      state_.next = next;
      return true;
    };
    switch (state_.next) {
      case expect::value: goto value;
      case expect::element_or_end: goto element_or_end;
      case expect::name_or_end: goto name_or_end;
      case expect::name: goto name;
      case expect::colon: goto colon;
      case expect::comma_or_object_end: goto in_object;
      case expect::comma_or_array_end: goto in_array;
      case expect::nothing: return false;
    }

  name_or_end:
    if (!take()) return stop_before(expect::name_or_end);
    if (c == '}') goto close;
    goto name_taken;
  name:
    if (!take()) return stop_before(expect::name);
  name_taken:
    if (c != '"') return false;
  colon:
    if (!take()) return stop_before(expect::colon);
    if (c != ':') return false;
    if (!take()) return stop_before(expect::value);
    if (c == '"') goto in_object;
    if (c == '{' || c == '[') goto open;
    if (c == '}' || c == ']' || c == ',' || c == ':' || !scalar(bit, scalars, digits)) return false;
  in_object:
    if (!take()) return stop_before(expect::comma_or_object_end);
    if (c == ',') goto name;
    if (c != '}') return false;
    goto close;

  element_or_end:
    if (!take()) return stop_before(expect::element_or_end);
    if (c == ']') goto close;
    goto value_taken;
  value:
    if (!take()) return stop_before(expect::value);
  value_taken:
    if (c == '"') goto value_done;
    if (c == '{' || c == '[') goto open;
    if (c == '}' || c == ']' || c == ',' || c == ':' || !scalar(bit, scalars, digits)) return false;
    goto value_done;
  in_array:
    if (!take()) return stop_before(expect::comma_or_array_end);
    if (c == ',') goto value;
    if (c != ']') return false;
    goto close;

  open:
    if (!open(c == '{')) return false;
    if (c == '{') goto name_or_end;
    goto element_or_end;
  close:
    --state_.depth;
  value_done:
    if (state_.depth == 0) {
      if (take()) return false;
      return stop_before(expect::nothing);
    }
    if (in_object()) goto in_object;
    goto in_array;
  }

  bool scalar(unsigned bit, uint64_t scalars, uint64_t digits) noexcept {
    const auto length = static_cast<unsigned>(std::countr_one(scalars >> bit));
    if (bit + length >= 64) {
      state_.pending = state_.at + bit;  // it may go on
      return true;
    }
    const auto leading = static_cast<unsigned>(std::countr_one(digits >> bit));
    const char* const first = text_ + state_.at + bit;
    if (leading >= length && (*first != '0' || length == 1)) return true;
    return is_scalar(first, first + length);
  }

  bool settle_pending() noexcept {
    if (state_.pending == check_state::none) return true;
    return is_scalar(text_ + std::exchange(state_.pending, check_state::none), text_ + size_);
  }

  bool in_object() const noexcept {
    return (state_.objects[(state_.depth - 1) / 64] >> ((state_.depth - 1) % 64) & 1) != 0;
  }

  bool open(bool object) noexcept {
    if (state_.depth == state_.max_depth) return false;
    uint64_t& word = state_.objects[state_.depth / 64];
    if (state_.depth % 64 == 0) word = 0;
    const uint64_t bit = uint64_t{1} << (state_.depth % 64);
    word = object ? word | bit : word & ~bit;
    ++state_.depth;
    return true;
  }

  // A sequence that the block cuts is looked at whole.
  bool utf8(uint64_t high, std::size_t count) noexcept {
    const std::size_t block_end = state_.at + count;
    std::size_t at = std::max(state_.utf8, state_.at);
    while (at < block_end) {
      const uint64_t rest = high >> (at - state_.at);
      if (rest == 0) break;
      at += static_cast<std::size_t>(std::countr_zero(rest));
      const char* next = text_ + at;
      if (!skip_multi_byte(next, text_ + size_)) return false;
      at = static_cast<std::size_t>(next - text_);
    }
    state_.utf8 = at;
    return true;
  }

  // So much behind a block is there when the block is looked at: escapes and UTF-8 sequences that begin in it are
  // whole, unless the text ends.
  static constexpr std::size_t lookahead = 16;

  const char* text_;
  std::size_t size_;
  bool last_;
  check_state& state_;
};

bool check(const char* text, std::size_t size, bool last, check_state& state) noexcept {
  return checker(text, size, last, state).run();
}
