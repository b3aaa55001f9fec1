#pragma once

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>

#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

/// Types that have a `tag_invoke` for Boost.JSON's `value_to` and `value_from` are decoded and encoded
/// through a DOM where this is included. In a file of its own because few need it, and each file that
/// includes Boost.JSON takes a fifth longer to compile.
namespace antiphon::detail {

template <class T>
bool decode_value(through_boost_json, json_cursor& in, T& out) {
  static_assert(boost::json::has_value_to<T>::value,
                "antiphon can't decode this type: describe it with BOOST_DESCRIBE_STRUCT, or give it a "
                "tag_invoke for boost::json::value_to");
  boost::json::value value;
  if (!in.read_dom(value)) return false;
  auto converted = boost::json::try_value_to<T>(value);
  if (converted.has_error()) return in.fail(errc::wrong_type, converted.error().message());
  out = std::move(*converted);
  return true;
}

template <class T>
void encode_value(through_boost_json, output_chain& out, const T& value) {
  static_assert(boost::json::has_value_from<T>::value,
                "antiphon can't encode this type: describe it with BOOST_DESCRIBE_STRUCT, or give it a "
                "tag_invoke for boost::json::value_from");
  encode_dom(out, boost::json::value_from(value));
}

}  // namespace antiphon::detail
