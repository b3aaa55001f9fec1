// Byte by byte, in plain C++: for machines that have none of the others, and what those are tested against.

#include "streaming/json_escape.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/utf8.hpp"
#include "streaming/validate_by_bytes.hpp"

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
    if (*at == '\\' && ++at == end) break;
  }
  return nullptr;
}

const char* plain_end(const char* begin, const char* end) noexcept {
  while (begin != end && !needs_escape(*begin)) ++begin;
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

// Not in pieces: all of it waits until it is there.
bool check(const char* text, std::size_t size, bool last, check_state& state) noexcept {
  return !last || !validate_by_bytes(std::string_view(text, size), state.max_depth);
}

}  // namespace

extern const kernels portable;
const kernels portable{"portable", &skip, &string_end, &check, &plain_end, &is_utf8};

}  // namespace antiphon::detail::scan
