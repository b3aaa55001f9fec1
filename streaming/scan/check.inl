// The check against the grammar: included behind kernels.inl, into the same namespace.
//
// A block's tokens are checked all at once. Where each token is, is a bit; what it is, a mask; the token
// before it, a sum: the bits between two tokens are ones, so that a bit added behind a token is carried to
// the next. What may follow what is then a few masks that must be empty. Only brackets are looked at one by
// one, to know where objects are and where arrays.

class checker {
 public:
  checker(const char* text, std::size_t size, bool last, check_state& state) noexcept
      : text_(text), size_(size), last_(last), state_(state) {}

  bool run() noexcept {
    const std::size_t needed = last_ ? 64 : 64 + lookahead;
    for (; state_.at + needed <= size_; state_.at += 64) {
      const bytes64 in = bytes64::load(text_ + state_.at);
      if (!block(in, 64, find_strings(in, state_.strings))) return false;
    }
    if (!last_) return true;
    const std::size_t count = size_ - state_.at;
    if (count != 0) {
      const bytes64 in = bytes64::load(text_ + state_.at, count);
      if (!block(in, count, find_strings(in, count, state_.strings))) return false;
      state_.at = size_;
    }
    return state_.ended;
  }

 private:
  // What the tokens of a block are. A string stands at its opening quote, a number or word at its first byte.
  struct tokens {
    uint64_t open, close, colons, commas, strings, scalars;
  };

  ANTIPHON_SCAN_INLINE bool block(const bytes64 in, std::size_t count, const string_masks& strings) noexcept {
    const uint64_t high = in.not_ascii();
    if ((high | state_.utf8_cut) != 0) {
      if (utf8_errors(text_ + state_.at, in, count, state_.at) != 0) return false;
      state_.utf8_cut = high >> 61;
    }
    if (strings.escaped != 0 && !escapes(in, strings)) return false;
    const uint64_t controls = in.below(' ') & strings.inside;
    if ((strings.inside & ~strings.quotes) == ~uint64_t{0})
      return controls == 0;  // nothing but a string's inside

    const uint64_t outside = ~(strings.inside | strings.quotes);
    const bytes64 folded = in.folded();
    tokens found;
    found.open = folded.equal('{') & outside;
    found.close = folded.equal('}') & outside;
    found.colons = in.equal(':') & outside;
    found.commas = in.equal(',') & outside;
    found.strings = strings.quotes & strings.inside;
    const uint64_t separators = found.open | found.close | found.colons | found.commas;
    const uint64_t scalars = outside & ~(separators | in.blanks());
    found.scalars = scalars & ~(scalars << 1 | state_.scalars >> 63);
    const uint64_t all = separators | found.strings | found.scalars;
    const uint64_t braces = in.with_bit_5();  // and other bytes that are no brackets
    uint64_t in_objects = state_.in_object();
    if ((found.open | found.close | state_.outermost()) != 0 &&
        !walk_brackets(found, all, braces, in_objects))
      return false;
    return (wrong_scalars(in, scalars, found.scalars) | wrong_order(found, all, braces, in_objects) |
            controls) == 0;
  }

  // The tokens that come right behind those in `of`. `before`: the highest bit says whether the last token
  // before the block is one of them; it is set to the same for the next block. `behind`: how many bytes are
  // behind the block's last token.
  static uint64_t following(uint64_t of, uint64_t all, int behind, uint64_t& before) noexcept {
    const uint64_t carried = 2 * of + ~all + (before >> 63);
    before = of << behind;
    return carried & all;
  }

  ANTIPHON_SCAN_INLINE uint64_t wrong_order(const tokens& found, uint64_t all, uint64_t braces,
                                            uint64_t in_objects) noexcept {
    if (all == 0) return 0;
    const int behind = std::countl_zero(all);
    const uint64_t separators = found.colons | found.commas | found.close;
    const uint64_t after_value =
        following(all & ~(found.colons | found.commas | found.open), all, behind, state_.after_value);
    uint64_t after_open = std::exchange(state_.after_open, found.open << behind);
    // A name is a string behind a comma or '{'; behind a comma in an array it's a value.
    const uint64_t at_names = following(found.commas | (found.open & braces), all, behind, state_.at_name);
    const uint64_t after_name = following(at_names & found.strings, all, behind, state_.after_name);
    uint64_t misplaced = after_value ^ separators;
    // Only the end of what is empty needs no value before it; there are few.
    if (misplaced != 0) misplaced &= ~(found.close & following(found.open, all, behind, after_open));
    return misplaced | ((after_name & in_objects) ^ found.colons) |
           (at_names & in_objects & ~(found.strings | found.close));
  }

  // Each bracket belongs to what is around it as an opening one, to what it ends as a closing one.
  bool walk_brackets(const tokens& found, uint64_t all, uint64_t braces, uint64_t& in_objects) noexcept {
    if (state_.depth == 0 && all != 0) {
      // Before the outermost bracket is nothing, nor behind it.
      if (state_.ended || (found.open & all & (~all + 1)) == 0) return false;
    }
    uint64_t brackets = found.open | found.close;
    const auto opening = static_cast<std::size_t>(std::popcount(found.open));
    const auto closing = static_cast<std::size_t>(std::popcount(found.close));
    if (state_.depth > closing && state_.depth + opening <= state_.word_depth) {
      // Nearly always: one word knows all that are open, and none closes the outermost.
      state_.depth += opening - closing;
      uint64_t kinds = state_.kinds;
      for (; brackets != 0; brackets &= brackets - 1) {
        const uint64_t bracket = brackets & (~brackets + 1);
        const uint64_t brace = (braces & bracket) != 0 ? 1 : 0;
        const uint64_t before = kinds;
        if ((found.open & bracket) != 0) {
          kinds = kinds << 1 | brace;
        } else {
          if ((kinds & 1) != brace) return false;
          kinds >>= 1;
        }
        if (((before ^ kinds) & 1) != 0) in_objects ^= ~(bracket | (bracket - 1));
      }
      state_.kinds = kinds;
      return true;
    }
    for (; brackets != 0; brackets &= brackets - 1) {
      const auto at = static_cast<unsigned>(std::countr_zero(brackets));
      const bool brace = (braces >> at & 1) != 0;
      const uint64_t before = state_.in_object();
      const uint64_t behind = ~uint64_t{0} << at << 1;
      if ((found.open >> at & 1) != 0) {
        if (!state_.open(brace)) return false;
      } else {
        if (state_.depth == 0 || brace != (before != 0)) return false;
        if (state_.close()) {
          state_.ended = true;
          return (all & behind) == 0;
        }
      }
      in_objects ^= (before ^ state_.in_object()) & behind;
    }
    return true;
  }

  // `bytes` are those of numbers and words, `starts` the first ones.
  ANTIPHON_SCAN_INLINE uint64_t wrong_scalars(const bytes64 in, uint64_t bytes, uint64_t starts) noexcept {
    const uint64_t digits = in.digits();
    const uint64_t zeros = in.equal('0') & starts;
    const uint64_t others = bytes & ~digits;
    // Most are integers.
    if (((others | state_.unsettled) != 0 || bytes == ~uint64_t{0}) && !check_others(bytes, starts, others))
      return 1;
    const uint64_t wrong = (zeros << 1 | state_.zeros >> 63) & digits;
    state_.zeros = zeros;
    state_.scalars = bytes;
    return wrong;
  }

  // Those that have more than digits, or are long.
  bool check_others(uint64_t bytes, uint64_t starts, uint64_t others) noexcept {
    if (state_.scalars >> 63 != 0) {
      const auto length = static_cast<unsigned>(std::countr_one(bytes));
      if (length == 64) {
        state_.unsettled = 1;
        return true;
      }
      const uint64_t part = (uint64_t{1} << length) - 1;
      if ((state_.unsettled || (others & part) != 0) && !settle()) return false;
      others &= ~part;
    }
    state_.unsettled = bytes == ~uint64_t{0} ? 1 : 0;
    while (others != 0) {
      const auto first = static_cast<unsigned>(std::countr_zero(others));
      const auto at = 63 - static_cast<unsigned>(std::countl_zero(starts << (63 - first) >> (63 - first)));
      const auto length = static_cast<unsigned>(std::countr_one(bytes >> at));
      if (at + length == 64) {  // it may go on behind the block
        state_.unsettled = 1;
        return true;
      }
      const uint64_t part = ((uint64_t{1} << length) - 1) << at;
      if (!is_short_scalar(text_ + state_.at + at, length, others & part, first - at)) return false;
      others &= ~part;
    }
    return true;
  }

  // The one that began in an earlier block is whole.
  bool settle() const noexcept {
    const char* begin = text_ + state_.at;
    while (begin != text_ && !ends_scalar(begin[-1]) && begin[-1] != '[') --begin;
    return is_scalar(begin, text_ + size_);
  }

  // Words, negative numbers and fractions are nearly all that is no plain integer. `others`: the bytes that
  // are no digits, of which the first is the one at `first`.
  static bool is_short_scalar(const char* at, unsigned length, uint64_t others, unsigned first) noexcept {
    if (length == 4 && (std::memcmp(at, "true", 4) == 0 || std::memcmp(at, "null", 4) == 0)) return true;
    if (length == 5 && std::memcmp(at, "false", 5) == 0) return true;
    const bool one = (others & (others - 1)) == 0;
    if (one && at[first] == '.' && first != 0 && first != length - 1 && (*at != '0' || first == 1))
      return true;
    if (one && at[first] == '-' && first == 0 && length > 1 && (at[1] != '0' || length == 2)) return true;
    return is_scalar(at, at + length);
  }

  // Only \" \\ \/ \b \f \n \r \t and \uXXXX are escapes.
  bool escapes(const bytes64 in, const string_masks& strings) noexcept {
    const uint64_t escaped = strings.escaped;
    if ((escaped & ~strings.inside) != 0) return false;
    uint64_t unicode = in.equal('u') & escaped;
    if ((escaped & ~in.escape_letters()) != 0) return false;
    for (; unicode != 0; unicode &= unicode - 1) {
      const std::size_t at = state_.at + static_cast<std::size_t>(std::countr_zero(unicode));
      if (at == state_.low_half) continue;  // has been looked at with the high one
      const std::size_t length = unicode_escape_length(text_ + at, text_ + size_);
      if (length == 0) return false;
      if (length > 5) state_.low_half = at + 6;
    }
    return true;
  }

  // So much behind a block is there when it is looked at: an escape that begins in it is whole, unless the
  // text ends.
  static constexpr std::size_t lookahead = 16;

  const char* text_;
  std::size_t size_;
  bool last_;
  check_state& state_;
};

bool check(const char* text, std::size_t size, bool last, check_state& state) noexcept {
  return checker(text, size, last, state).run();
}
