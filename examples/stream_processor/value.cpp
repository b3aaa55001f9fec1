#include "value.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace stream {

namespace {

bool needs_escape(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void append_number(std::string& out, double number) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  out.append(text, end);
}

}  // namespace

value value::from_json(std::string_view json) noexcept {
  if (json.empty()) return {};
  switch (json.front()) {
    case '"': return string(json.substr(1, json.size() - 2));
    case 't': return of(true);
    case 'f': return of(false);
    case 'n': return {value_kind::null, false, 0, {}};
    case '[':
    case '{': return {value_kind::json, false, 0, json};
    default: return {value_kind::number, false, 0, json};
  }
}

double number_of(const value& number) {
  if (number.text.empty()) return number.number;
  double result = 0;
  const auto [end, error] =
      std::from_chars(number.text.data(), number.text.data() + number.text.size(), result);
  // It doesn't tell too small, which is as good as nothing, from too large.
  if (error == std::errc::result_out_of_range) return std::strtod(std::string(number.text).c_str(), nullptr);
  return result;
}

std::string_view escaped(std::string_view plain, scratch& memory) {
  if (std::none_of(plain.begin(), plain.end(), needs_escape)) return plain;
  char* const begin = memory.allocate(plain.size() * 6);
  char* at = begin;
  for (const char c : plain) {
    if (!needs_escape(c)) {
      *at++ = c;
    } else if (c == '"' || c == '\\') {
      *at++ = '\\';
      *at++ = c;
    } else {
      constexpr char digits[] = "0123456789abcdef";
      std::memcpy(at, "\\u00", 4);
      at[4] = digits[static_cast<unsigned char>(c) >> 4];
      at[5] = digits[c & 15];
      at += 6;
    }
  }
  return {begin, at};
}

std::string_view plain(std::string_view inside, scratch& memory) {
  if (inside.find('\\') == std::string_view::npos) return inside;
  char* const quoted = memory.allocate(inside.size() + 2);
  quoted[0] = '"';
  std::memcpy(quoted + 1, inside.data(), inside.size());
  quoted[inside.size() + 1] = '"';
  const std::string_view json(quoted, inside.size() + 2);
  const auto text = antiphon::raw_json(json).decode<std::string>();
  std::memcpy(quoted, text.data(), text.size());  // never longer
  return {quoted, text.size()};
}

void append_json(std::string& out, const value& what) {
  if (what.kind == value_kind::string) {
    out += '"';
    out += what.text;
    out += '"';
  } else if (what.kind == value_kind::json) {
    out += what.text;
  } else {
    append_inside(out, what);
  }
}

void append_inside(std::string& out, const value& what) {
  switch (what.kind) {
    case value_kind::missing:
    case value_kind::json: break;
    case value_kind::null: out += "null"; break;
    case value_kind::boolean: out += what.truth ? "true" : "false"; break;
    case value_kind::number:
      if (what.text.empty()) {
        append_number(out, what.number);
      } else {
        out += what.text;
      }
      break;
    case value_kind::string: out += what.text; break;
  }
}

}  // namespace stream
