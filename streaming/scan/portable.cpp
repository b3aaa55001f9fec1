// Byte by byte, in plain C++: for machines that have none of the others, and what those are tested against.

#include "streaming/json_blanks.hpp"
#include "streaming/json_escape.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/string_content.hpp"
#include "streaming/utf8.hpp"
#include "streaming/validate_by_bytes.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace antiphon::detail::scan {
namespace {

const char* skip(const char* begin, const char* end, skip_state& state) noexcept {
  string_state& strings = state.strings;
  for (const char* at = begin; at != end; ++at) {
    const char c = *at;
    if (strings.escaped != 0) {
      strings.escaped = 0;
      if (c == '"' || c == '\\') continue;
    }
    if (c == '\\') {
      strings.escaped = 1;
    } else if (c == '"') {
      strings.inside = ~strings.inside;
    } else if (strings.inside == 0) {
      if (c == '{' || c == '[') ++state.depth;
      if ((c == '}' || c == ']') && --state.depth == 0) return at + 1;
    }
  }
  return nullptr;
}

const char* string_end(const char* begin, const char* end) noexcept {
  for (const char* at = begin; at != end; ++at) {
    if (*at == '"') return at;
    if (*at != '\\') continue;
    ++at;  // what it escapes
    if (at == end) break;
  }
  return nullptr;
}

const char* plain_end(const char* begin, const char* end) noexcept {
  while (begin != end && !needs_escape(*begin)) ++begin;
  return begin;
}

const char* simple_end(const char* begin, const char* end) noexcept {
  while (begin != end && !needs_escape(*begin) && static_cast<unsigned char>(*begin) < 0x80) ++begin;
  return begin;
}

bool is_utf8(const char* begin, const char* end) noexcept {
  while (begin != end) {
    if (static_cast<unsigned char>(*begin) < 0x80) {
      ++begin;
    } else if (!skip_multi_byte(begin, end)) {
      return false;
    }
  }
  return true;
}

char* unescape(const char* begin, const char* end, char* out) noexcept {
  while (begin != end) {
    if (static_cast<unsigned char>(*begin) < ' ') return nullptr;
    if (*begin != '\\') {
      *out++ = *begin++;
    } else if (!take_escape(begin, end, out)) {
      return nullptr;
    }
  }
  return out;
}

const char* escape(const char* begin, const char* end, char*& out, const char* out_end) noexcept {
  for (; begin != end && static_cast<std::size_t>(out_end - out) >= copy_room; ++begin) {
    if (!needs_escape(*begin)) {
      *out++ = *begin;
      continue;
    }
    const escape_text& text = escape_texts[static_cast<unsigned char>(*begin)];
    std::memcpy(out, text.text.data(), text.text.size());
    out += text.size;
  }
  return begin;
}

class blocks {
 public:
  explicit blocks(std::string_view text) noexcept : end_(text.data() + text.size()) {}

  const char* string(const char* at) const noexcept {
    const char* const quote = string_end(at + 1, end_);
    return quote == nullptr ? nullptr : quote + 1;
  }
  const char* structure(const char* at) const noexcept {
    skip_state state;
    return skip(at, end_, state);
  }

 private:
  const char* end_;
};

#include "streaming/scan/members.inl"

// Not in pieces: all of it waits until it is there.
bool check(const char* text, std::size_t size, bool last, check_state& state) noexcept {
  if (!last) return true;
  const std::string_view whole(text, size);
  const std::size_t first = skip_blanks(whole, 0);
  if (first == size || (text[first] != '{' && text[first] != '[')) return false;
  return !validate_by_bytes(whole, state.max_depth);
}

}  // namespace

extern const kernels portable;
const kernels portable{"portable", &skip,       &string_end, &members,  &check,
                       &plain_end, &simple_end, &is_utf8,    &unescape, &escape};

}  // namespace antiphon::detail::scan
