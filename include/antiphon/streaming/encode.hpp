#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/value_traits.hpp>

#include <boost/describe/enum_to_string.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// C++ values straight into JSON text: the mirror image of decode.hpp, for the same types.
///
/// Numbers are written in their shortest form that reads back equal. An empty std::optional or
/// std::unique_ptr member of a struct is left out; elsewhere it is null. The text never holds a line break:
/// one in a raw_json becomes a blank.
namespace antiphon {

/// Writes `value` at the end of the open frame.
/// @throws boost::system::system_error with `errc::not_encodable` for NaN, infinity and strings that aren't
/// UTF-8
template <class T>
void encode(output_chain& out, const T& value);

namespace detail {

void encode_int64(output_chain& out, std::int64_t value);
void encode_uint64(output_chain& out, std::uint64_t value);
void encode_float(output_chain& out, float value);
void encode_double(output_chain& out, double value);
/// With quotes and escapes.
void encode_string(output_chain& out, std::string_view value);
/// As it stands, but for line breaks between its tokens.
void encode_raw(output_chain& out, const slice& text);
void encode_dom(output_chain& out, const boost::json::value& value);
void encode_dom(output_chain& out, const boost::json::array& value);
void encode_dom(output_chain& out, const boost::json::object& value);

template <class T>
inline constexpr bool is_string_like = std::is_convertible_v<const T&, std::string_view>;

template <class Range>
void encode_array(output_chain& out, const Range& range) {
  char before = '[';
  for (const auto& element : range) {
    out.append(before);
    encode(out, static_cast<const typename Range::value_type&>(element));
    before = ',';
  }
  out.append(before == '[' ? std::string_view("[]") : std::string_view("]"));
}

template <class Map>
void encode_map(output_chain& out, const Map& map) {
  char before = '{';
  for (const auto& [key, value] : map) {
    out.append(before);
    encode_string(out, key);
    out.append(':');
    encode(out, value);
    before = ',';
  }
  out.append(before == '{' ? std::string_view("{}") : std::string_view("}"));
}

template <class T>
void encode_struct(output_chain& out, const T& value) {
  char before = '{';
  boost::mp11::mp_for_each<described_members<T>>([&](auto descriptor) {
    const auto& member = value.*descriptor.pointer;
    using member_type = std::remove_cvref_t<decltype(member)>;
    if constexpr (is_optional_like<member_type>) {
      if (!member) return;
    }
    out.append(before);
    encode_string(out, descriptor.name);
    out.append(':');
    encode(out, member);
    before = ',';
  });
  out.append(before == '{' ? std::string_view("{}") : std::string_view("}"));
}

template <class T>
void encode_tuple(output_chain& out, const T& value) {
  std::apply(
      [&out](const auto&... elements) {
        char before = '[';
        (..., (out.append(before), encode(out, elements), before = ','));
        out.append(before == '[' ? std::string_view("[]") : std::string_view("]"));
      },
      value);
}

template <class T>
void encode_enum(output_chain& out, T value) {
  if constexpr (is_described_enum<T>) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    if (name == nullptr) throw boost::system::system_error(errc::not_encodable, "enumerator without a name");
    encode_string(out, name);
  } else {
    encode(out, static_cast<std::underlying_type_t<T>>(value));
  }
}

}  // namespace detail

template <class T>
void encode(output_chain& out, const T& value) {
  using namespace detail;
  if constexpr (std::is_same_v<T, bool>) {
    out.append(value ? std::string_view("true") : std::string_view("false"));
  } else if constexpr (std::signed_integral<T>) {
    encode_int64(out, value);
  } else if constexpr (std::unsigned_integral<T>) {
    encode_uint64(out, value);
  } else if constexpr (std::is_same_v<T, float>) {
    encode_float(out, value);
  } else if constexpr (std::floating_point<T>) {
    encode_double(out, static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, raw_json>) {
    encode_raw(out, value.bytes());
  } else if constexpr (is_json_dom<T>) {
    if constexpr (std::is_same_v<T, boost::json::string>) {
      encode_string(out, value);
    } else {
      encode_dom(out, value);
    }
  } else if constexpr (std::is_same_v<T, std::monostate> || std::is_same_v<T, std::nullptr_t>) {
    out.append("null");
  } else if constexpr (is_string_like<T>) {
    encode_string(out, value);
  } else if constexpr (is_optional_like<T>) {
    if (value) {
      encode(out, *value);
    } else {
      out.append("null");
    }
  } else if constexpr (is_a<T, std::vector> || is_std_array<T>) {
    encode_array(out, value);
  } else if constexpr (is_a<T, std::tuple> || is_a<T, std::pair>) {
    encode_tuple(out, value);
  } else if constexpr (is_string_map<T>) {
    encode_map(out, value);
  } else if constexpr (is_a<T, std::variant>) {
    std::visit([&out](const auto& alternative) { encode(out, alternative); }, value);
  } else if constexpr (std::is_enum_v<T>) {
    encode_enum(out, value);
  } else if constexpr (is_described_struct<T>) {
    encode_struct(out, value);
  } else {
    static_assert(
        requires { encode_value(through_boost_json(), out, value); },
        "antiphon can't encode this type: describe it with BOOST_DESCRIBE_STRUCT, or give it a "
        "tag_invoke for boost::json::value_from and include antiphon/streaming/boost_json.hpp");
    encode_value(through_boost_json(), out, value);
  }
}

}  // namespace antiphon
