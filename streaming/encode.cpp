#include "streaming/json_escape.hpp"
#include "streaming/utf8.hpp"

#include <antiphon/streaming/encode.hpp>

#include <charconv>
#include <cmath>
#include <vector>

namespace antiphon::detail {

namespace {

constexpr std::size_t longest_number = 32;

template <class Number>
std::string_view encode_number(output_chain& out, Number value) {
  char* begin = out.reserve(longest_number);
  const auto [end, error] = std::to_chars(begin, begin + longest_number, value);
  const auto size = static_cast<std::size_t>(end - begin);
  out.advance(size);
  return {begin, size};
}

template <class Number>
std::string_view encode_finite(output_chain& out, Number value) {
  if (!std::isfinite(value))
    throw boost::system::system_error(errc::not_encodable, "JSON has no NaN and no infinity");
  return encode_number(out, value);
}

// A DOM tells a double from an integer, so that 1 would read back as something else than 1.0.
void encode_dom_double(output_chain& out, double value) {
  const std::string_view text = encode_finite(out, value);
  if (text.find_first_of(".e") == text.npos) out.append(".0");
}

}  // namespace

void encode_int64(output_chain& out, std::int64_t value) { encode_number(out, value); }
void encode_uint64(output_chain& out, std::uint64_t value) { encode_number(out, value); }

void encode_float(output_chain& out, float value) { encode_finite(out, value); }
void encode_double(output_chain& out, double value) { encode_finite(out, value); }

void encode_string(output_chain& out, std::string_view value) {
  if (!is_utf8(value)) throw boost::system::system_error(errc::not_encodable, "the string is not UTF-8");
  out.append('"');
  while (!value.empty()) {
    std::size_t plain = 0;
    while (plain < value.size() && !needs_escape(value[plain])) ++plain;
    out.append(value.substr(0, plain));
    value.remove_prefix(plain);
    if (value.empty()) break;
    out.append(escape_for(value.front()));
    value.remove_prefix(1);
  }
  out.append('"');
}

void encode_raw(output_chain& out, const slice& text) {
  // A line break would end the message where lines are frames. In JSON text it can only be a blank.
  std::string_view rest = text.bytes();
  std::size_t line_end = rest.find('\n');
  if (line_end == rest.npos) return out.append(text);
  for (; line_end != rest.npos; line_end = rest.find('\n')) {
    out.append(rest.substr(0, line_end));
    out.append(' ');
    rest.remove_prefix(line_end + 1);
  }
  out.append(rest);
}

void encode_dom(output_chain& out, const boost::json::value& value) {
  // An explicit stack: a DOM may be nested deeper than the thread's stack allows.
  struct level {
    const boost::json::value* container;
    std::size_t next;
  };
  std::vector<level> levels;
  const auto scalar_or_open = [&](const boost::json::value& v) {
    switch (v.kind()) {
      case boost::json::kind::null: return out.append("null");
      case boost::json::kind::bool_: return encode(out, v.get_bool());
      case boost::json::kind::int64: return encode_int64(out, v.get_int64());
      case boost::json::kind::uint64: return encode_uint64(out, v.get_uint64());
      case boost::json::kind::double_: return encode_dom_double(out, v.get_double());
      case boost::json::kind::string: return encode_string(out, v.get_string());
      case boost::json::kind::array: out.append('['); break;
      case boost::json::kind::object: out.append('{'); break;
    }
    levels.push_back({&v, 0});
  };
  scalar_or_open(value);
  while (!levels.empty()) {
    level& top = levels.back();
    const std::size_t index = top.next++;
    if (top.container->is_array()) {
      const boost::json::array& array = top.container->get_array();
      if (index == array.size()) {
        out.append(']');
        levels.pop_back();
        continue;
      }
      if (index > 0) out.append(',');
      scalar_or_open(array[index]);
    } else {
      const boost::json::object& object = top.container->get_object();
      if (index == object.size()) {
        out.append('}');
        levels.pop_back();
        continue;
      }
      if (index > 0) out.append(',');
      const auto member = object.begin() + index;
      encode_string(out, member->key());
      out.append(':');
      scalar_or_open(member->value());
    }
  }
}

}  // namespace antiphon::detail
