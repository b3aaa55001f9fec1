#include "streaming/scan/kernels.hpp"

#include <antiphon/streaming/encode.hpp>

#include <boost/json/value.hpp>

#include <charconv>
#include <cmath>
#include <span>
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

// With an explicit stack: a DOM may be nested deeper than the thread's stack allows.
class dom_writer {
 public:
  explicit dom_writer(output_chain& out) noexcept : out_(out) {}

  template <class Dom>
  void write(const Dom& dom) {
    begin(dom);
    while (!levels_.empty()) {
      level& top = levels_.back();
      const std::size_t index = top.next++;
      if (top.array != nullptr) {
        next_of(*top.array, index);
      } else {
        next_of(*top.object, index);
      }
    }
  }

 private:
  struct level {
    const boost::json::array* array;
    const boost::json::object* object;
    std::size_t next;
  };

  // Scalars whole, of containers the opening bracket.
  void begin(const boost::json::value& value) {
    switch (value.kind()) {
      case boost::json::kind::null: return out_.append("null");
      case boost::json::kind::bool_: return out_.append(value.get_bool() ? "true" : "false");
      case boost::json::kind::int64: return encode_int64(out_, value.get_int64());
      case boost::json::kind::uint64: return encode_uint64(out_, value.get_uint64());
      case boost::json::kind::double_: return real(value.get_double());
      case boost::json::kind::string: return encode_string(out_, value.get_string());
      case boost::json::kind::array: return begin(value.get_array());
      case boost::json::kind::object: return begin(value.get_object());
    }
  }
  void begin(const boost::json::array& array) {
    out_.append('[');
    levels_.push_back({&array, nullptr, 0});
  }
  void begin(const boost::json::object& object) {
    out_.append('{');
    levels_.push_back({nullptr, &object, 0});
  }

  void next_of(const boost::json::array& array, std::size_t index) {
    if (index == array.size()) return end(']');
    if (index > 0) out_.append(',');
    begin(array[index]);
  }
  void next_of(const boost::json::object& object, std::size_t index) {
    if (index == object.size()) return end('}');
    if (index > 0) out_.append(',');
    const auto member = object.begin() + index;
    encode_string(out_, member->key());
    out_.append(':');
    begin(member->value());
  }
  void end(char bracket) {
    out_.append(bracket);
    levels_.pop_back();
  }

  // A DOM tells a double from an integer, so that 1 would read back as something else than 1.0.
  void real(double value) {
    const std::string_view text = encode_finite(out_, value);
    if (text.find_first_of(".e") == std::string_view::npos) out_.append(".0");
  }

  output_chain& out_;
  std::vector<level> levels_;
};

}  // namespace

void encode_int64(output_chain& out, std::int64_t value) { encode_number(out, value); }
void encode_uint64(output_chain& out, std::uint64_t value) { encode_number(out, value); }

void encode_float(output_chain& out, float value) { encode_finite(out, value); }
void encode_double(output_chain& out, double value) { encode_finite(out, value); }

void encode_string(output_chain& out, std::string_view value) {
  if (!scan::active().is_utf8(value.data(), value.data() + value.size()))
    throw boost::system::system_error(errc::not_encodable, "the string is not UTF-8");
  out.append('"');
  const char* at = value.data();
  const char* const end = at + value.size();
  while (at != end) {
    const std::span<char> room = out.room(scan::copy_room);
    char* written = room.data();
    at = scan::active().escape(at, end, written, room.data() + room.size());
    out.advance(static_cast<std::size_t>(written - room.data()));
  }
  out.append('"');
}

void encode_raw(output_chain& out, const slice& text) {
  // A line break would end the message where lines are frames. In JSON text it can only be a blank.
  std::string_view rest = text.bytes();
  std::size_t line_end = rest.find('\n');
  if (line_end == std::string_view::npos) return out.append(text);
  for (; line_end != std::string_view::npos; line_end = rest.find('\n')) {
    out.append(rest.substr(0, line_end));
    out.append(' ');
    rest.remove_prefix(line_end + 1);
  }
  out.append(rest);
}

void encode_dom(output_chain& out, const boost::json::value& value) { dom_writer(out).write(value); }
void encode_dom(output_chain& out, const boost::json::array& value) { dom_writer(out).write(value); }
void encode_dom(output_chain& out, const boost::json::object& value) { dom_writer(out).write(value); }

}  // namespace antiphon::detail
