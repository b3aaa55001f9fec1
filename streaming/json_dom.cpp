// Text into Boost.JSON's values. Without its parser: integers are exact here, and doubles correctly rounded.

#include "streaming/json_text.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/json_cursor.hpp>

#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>

#include <charconv>
#include <vector>

namespace antiphon::detail {

bool json_cursor::read_dom(boost::json::value& out) {
  struct level {
    bool object;
    std::size_t size;
  };
  std::vector<level> levels;
  boost::json::value_stack stack;
  stack.reset(out.storage());

  // A value of it has come to its end.
  const auto next_in = [this](level& in) {
    ++in.size;
    return in.object ? next_member() : next_element();
  };
  std::string text_of_string;
  const auto scalar = [&] {
    blanks();
    std::string_view text;
    bool integral = false;
    if (read_null()) {
      stack.push_null();
    } else if (literal("true")) {
      stack.push_bool(true);
    } else if (literal("false")) {
      stack.push_bool(false);
    } else if (at_ != end_ && *at_ == '"') {
      if (!read_string(text_of_string)) return false;
      stack.push_string(text_of_string);
    } else if (number_token("a value", text, integral)) {
      std::int64_t small = 0;
      std::uint64_t large = 0;
      const char* last = text.data() + text.size();
      // "-0" is the double; an int64 has no negative zero.
      if (integral && text != "-0" && std::from_chars(text.data(), last, small).ec == std::errc()) {
        stack.push_int64(small);
      } else if (integral && text[0] != '-' && std::from_chars(text.data(), last, large).ec == std::errc()) {
        stack.push_uint64(large);
      } else {
        double number = 0;
        if (!parse_number(text, number)) return fail(errc::number_out_of_range, "the number is out of range");
        stack.push_double(number);
      }
      at_ = last;
    } else {
      return false;
    }
    return true;
  };

  for (;;) {
    // One value, or the opening of a container.
    blanks();
    bool more = false;
    if (at_ != end_ && (*at_ == '[' || *at_ == '{')) {
      const bool object = *at_ == '{';
      if (!(object ? enter_object(more) : enter_array(more))) return false;
      levels.push_back({object, 0});
    } else {
      if (!scalar()) return false;
      if (levels.empty()) break;
      more = next_in(levels.back());
    }
    // Close what ends here, then stand before the next value.
    while (!more && good()) {
      const level top = levels.back();
      if (top.object) {
        stack.push_object(top.size);
      } else {
        stack.push_array(top.size);
      }
      levels.pop_back();
      if (levels.empty()) break;
      more = next_in(levels.back());
    }
    if (!good()) return false;
    if (levels.empty()) break;
    if (levels.back().object) {
      if (!read_name(text_of_string)) return false;
      stack.push_key(text_of_string);
    }
  }
  out = stack.release();
  return true;
}

namespace {

// What the DOM of a text is, where that is of one kind only.
template <class Part>
bool read_part(json_cursor& in, Part& out, std::string_view kind, Part& (boost::json::value::*part)() &) {
  if (in.found() != kind) return in.expected(kind);
  boost::json::value value(out.storage());
  if (!in.read_dom(value)) return false;
  out = std::move((value.*part)());
  return true;
}

}  // namespace

bool json_cursor::read_dom(boost::json::object& out) {
  return read_part(*this, out, "an object", &boost::json::value::get_object);
}

bool json_cursor::read_dom(boost::json::array& out) {
  return read_part(*this, out, "an array", &boost::json::value::get_array);
}

bool json_cursor::read_dom(boost::json::string& out) {
  return read_part(*this, out, "a string", &boost::json::value::get_string);
}

}  // namespace antiphon::detail

namespace antiphon {

boost::json::value raw_json::to_value() const { return to_value(boost::json::storage_ptr()); }

boost::json::value raw_json::to_value(boost::json::storage_ptr storage) const {
  detail::json_cursor in(text());
  boost::json::value out(std::move(storage));
  if (!in.read_dom(out) || !in.at_end()) throw decode_failure(in.take_error());
  return out;
}

}  // namespace antiphon
