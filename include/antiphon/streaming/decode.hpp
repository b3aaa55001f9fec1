#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/json_cursor.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/value_traits.hpp>

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// JSON text straight into C++ values, no DOM between.
///
/// A `T` may be bool, an integer (range-checked), a floating-point number (correctly rounded), std::string,
/// std::string_view (where the string has no escape), std::optional and std::unique_ptr (null, or a missing
/// member), std::monostate (null), std::vector, std::array, std::pair, std::tuple, std::map and
/// std::unordered_map with string keys, std::variant (the first alternative that fits), an enum (by
/// enumerator name where described with Boost.Describe, else by number), a struct described with
/// Boost.Describe, boost::json::value and its object, array and string, raw_json, or, where boost_json.hpp is
/// included, a type with a `tag_invoke` for Boost.JSON's `value_to`. Unknown members are skipped; the last of
/// duplicate members counts.
namespace antiphon {

/// Why a value failed to become a `T`: `errc::wrong_type`, `missing_member`, `number_out_of_range`, ...
struct decode_error {
  error_code code;
  /// A JSON pointer (RFC 6901) to the value in question, empty for the whole.
  std::string path;
  /// What was expected and found, for a person: "expected an integer, found a string".
  std::string message;

  /// Path and message in one line.
  std::string describe() const;
};

/// What `raw_json::decode` throws.
class decode_failure : public boost::system::system_error {
 public:
  explicit decode_failure(decode_error reason);
  const decode_error& reason() const noexcept { return reason_; }

 private:
  decode_error reason_;
};

[[noreturn]] void throw_exception_from_error(const decode_error& reason, const boost::source_location& where);

namespace detail {

template <class T>
bool decode_value(json_cursor& in, T& out);

template <class T>
bool decode_sequence(json_cursor& in, T& out) {
  using element = typename T::value_type;
  out.clear();
  bool more = false;
  if (!in.enter_array(more)) return false;
  [[maybe_unused]] const std::size_t before = in.bytes_left();
  for (; more; more = in.next_element()) {
    if constexpr (std::is_same_v<element, bool>) {
      bool value = false;  // std::vector<bool> has no element to refer to
      if (!decode_value(in, value)) return in.at_index(out.size());
      out.push_back(value);
    } else {
      if (!decode_value(in, out.emplace_back())) return in.at_index(out.size() - 1);
      if constexpr (std::integral<element>) in.append_small_integers(out);
      if constexpr (sizeof(element) > 64) {
        if (out.size() == 1) in.reserve_rest(out, before - in.bytes_left());
      }
    }
  }
  if constexpr (sizeof(element) > 64) {
    if (out.capacity() / 2 > out.size()) out.shrink_to_fit();
  }
  return in.good();
}

template <class T>
bool decode_map(json_cursor& in, T& out) {
  out.clear();
  bool more = false;
  if (!in.enter_object(more)) return false;
  for (std::string name; more; more = in.next_member()) {
    if (!in.read_name(name)) return false;
    typename T::mapped_type value{};
    if (!decode_value(in, value)) return in.at_member(name);
    out.insert_or_assign(std::move(name), std::move(value));
  }
  return in.good();
}

template <class T, std::size_t... Index>
bool decode_fixed(json_cursor& in, T& out, std::index_sequence<Index...>) {
  bool more = false;
  if (!in.enter_array(more)) return false;
  [[maybe_unused]] const auto element = [&in, &more]<class Element>(std::size_t index, Element& slot) {
    if (!more) return in.fail(errc::wrong_length, "expected ", sizeof...(Index), " elements, found ", index);
    if (!decode_value(in, slot)) return in.at_index(index);
    more = in.next_element();
    return in.good();
  };
  if (!(element(Index, std::get<Index>(out)) && ...)) return false;
  if (more) return in.fail(errc::wrong_length, "expected ", sizeof...(Index), " elements, found more");
  return in.good();
}

template <class... Alternatives, std::size_t... Index>
bool decode_variant(json_cursor& in, std::variant<Alternatives...>& out, std::index_sequence<Index...>) {
  alternatives tried(in);
  // By index: one type may be there twice.
  const auto attempt = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
    if (!in.good()) return false;
    std::variant_alternative_t<At, std::variant<Alternatives...>> value{};
    if (!decode_value(in, value)) return tried.failed(in, At);
    out.template emplace<At>(std::move(value));
    return tried.fits(in);
  };
  if ((attempt(std::integral_constant<std::size_t, Index>()) || ...)) return true;
  const auto telling = tried.none_fits(in);
  const auto again = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
    if (telling != At) return;
    std::variant_alternative_t<At, std::variant<Alternatives...>> value{};
    decode_value(in, value);
  };
  (again(std::integral_constant<std::size_t, Index>()), ...);
  return false;
}

/// What decoding needs to know of a described struct, the members in the order of their description.
template <class T, class List = described_members<T>>
struct struct_plan;

template <class T, template <class...> class List, class... Members>
struct struct_plan<T, List<Members...>> {
  static constexpr std::size_t size = sizeof...(Members);
  /// Which members have been met.
  using flags = std::array<bool, size>;

  static constexpr std::array<std::string_view, size> names{Members::name...};
  static constexpr std::array<bool, size> required{
      !is_optional_like<std::remove_cvref_t<decltype(std::declval<T&>().*Members::pointer)>>...};

  /// Name and colon, as nearly everyone writes them.
  template <class Member>
  static constexpr auto key = [] {
    constexpr std::string_view name = Member::name;
    std::array<char, name.size() + 3> text{};
    text.front() = '"';
    std::copy(name.begin(), name.end(), text.begin() + 1);
    text[name.size() + 1] = '"';
    text.back() = ':';
    return text;
  }();

  template <class Member>
  static bool decode_member(json_cursor& in, T& out, bool again) {
    auto& member = out.*Member::pointer;
    // The last of duplicates counts alone: nothing of an earlier one may show through.
    if (again) member = std::remove_reference_t<decltype(member)>{};
    return decode_value(in, member) || in.at_member(Member::name);
  }
  static constexpr std::array<bool (*)(json_cursor&, T&, bool), size> decoders{&decode_member<Members>...};

  /// `size` when there is no member of that name.
  static std::size_t find(const string_token& name) noexcept {
    std::size_t index = 0;
    while (index != size && !name.is(names[index])) ++index;
    return index;
  }

  static bool decode(json_cursor& in, T& out, std::size_t index, flags& seen) {
    return decoders[index](in, out, std::exchange(seen[index], true));
  }

  static bool check_required(json_cursor& in, const flags& seen) {
    for (std::size_t index = 0; index < size; ++index) {
      if (!seen[index] && required[index])
        return in.fail(errc::missing_member, "missing member") || in.at_member(names[index]);
    }
    return true;
  }
};

template <class T, class... Members>
bool decode_by_name(json_cursor& in, T& out, boost::mp11::mp_list<Members...>) {
  using plan = struct_plan<T>;
  bool more = false;
  if (!in.enter_object(more)) return false;
  typename plan::flags seen{};
  bool fine = true;
  // Nearly all peers write members in one order, often that of the description: each is asked for in turn.
  [[maybe_unused]] std::size_t index = 0;
  [[maybe_unused]] const auto expect = [&]<class Member>(Member) {
    if (fine && more &&
        in.take_name({plan::template key<Member>.data(), plan::template key<Member>.size()})) {
      seen[index] = true;
      fine = plan::template decode_member<Member>(in, out, false);
      more = fine && in.next_member();
    }
    ++index;
  };
  (expect(Members()), ...);
  while (more) {
    string_token name;
    if (!in.read_name(name)) return false;
    const std::size_t found = plan::find(name);
    if (!(found == plan::size ? in.skip_value() : plan::decode(in, out, found, seen))) return false;
    more = in.next_member();
  }
  return in.good() && plan::check_required(in, seen);
}

template <class T>
bool decode_by_name(json_cursor& in, T& out) {
  return decode_by_name(in, out, boost::mp11::mp_rename<described_members<T>, boost::mp11::mp_list>());
}

/// A described struct from an array, its members in the order of their description.
template <class T>
bool decode_by_position(json_cursor& in, T& out) {
  using plan = struct_plan<T>;
  bool more = false;
  if (!in.enter_array(more)) return false;
  typename plan::flags seen{};
  for (std::size_t index = 0; more; ++index, more = in.next_element()) {
    if (index == plan::size) return in.fail(errc::wrong_length, "expected at most ", index, " parameters");
    if (!plan::decode(in, out, index, seen)) return false;
  }
  return in.good() && plan::check_required(in, seen);
}

template <class T>
bool decode_enum(json_cursor& in, T& out) {
  if constexpr (is_described_enum<T>) {
    string_token name;
    if (!in.read_string(name)) return false;
    // enum_from_string would stop at a NUL.
    bool known = false;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto descriptor) {
      if (known || !name.is(descriptor.name)) return;
      known = true;
      out = descriptor.value;
    });
    return known || in.fail(errc::wrong_type, "unknown value \"", name.inside, "\"");
  } else {
    std::underlying_type_t<T> number{};
    if (!decode_value(in, number)) return false;
    out = static_cast<T>(number);
    return true;
  }
}

template <class T>
bool decode_value(json_cursor& in, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    return in.read_bool(out);
  } else if constexpr (std::signed_integral<T>) {
    std::int64_t wide = 0;
    if (!in.read_int64(wide)) return false;
    if (!std::in_range<T>(wide)) return in.fail(errc::number_out_of_range, "the number is out of range");
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::unsigned_integral<T>) {
    std::uint64_t wide = 0;
    if (!in.read_uint64(wide)) return false;
    if (!std::in_range<T>(wide)) return in.fail(errc::number_out_of_range, "the number is out of range");
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::is_same_v<T, float>) {
    return in.read_float(out);
  } else if constexpr (std::floating_point<T>) {
    double number = 0;
    if (!in.read_double(number)) return false;
    out = static_cast<T>(number);
    return true;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return in.read_string(out);
  } else if constexpr (std::is_same_v<T, std::string_view>) {
    return in.read_plain_string(out);
  } else if constexpr (std::is_same_v<T, raw_json>) {
    std::string_view text;
    if (!in.read_raw(text)) return false;
    out = raw_json(in.owner() == nullptr ? slice(text) : in.owner()->part(text));
    return true;
  } else if constexpr (is_json_dom<T>) {
    return in.read_dom(out);
  } else if constexpr (std::is_same_v<T, std::monostate> || std::is_same_v<T, std::nullptr_t>) {
    return in.read_null() || in.expected("null");
  } else if constexpr (is_a<T, std::optional>) {
    if (in.read_null()) {
      out.reset();
      return true;
    }
    return decode_value(in, out.emplace());
  } else if constexpr (is_a<T, std::unique_ptr>) {
    if (in.read_null()) {
      out.reset();
      return true;
    }
    out = std::make_unique<typename T::element_type>();
    return decode_value(in, *out);
  } else if constexpr (is_a<T, std::vector>) {
    return decode_sequence(in, out);
  } else if constexpr (is_std_array<T> || is_a<T, std::tuple> || is_a<T, std::pair>) {
    return decode_fixed(in, out, std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (is_string_map<T>) {
    return decode_map(in, out);
  } else if constexpr (is_a<T, std::variant>) {
    return decode_variant(in, out, std::make_index_sequence<std::variant_size_v<T>>());
  } else if constexpr (std::is_enum_v<T>) {
    return decode_enum(in, out);
  } else if constexpr (is_described_struct<T>) {
    return decode_by_name(in, out);
  } else {
    static_assert(
        requires { decode_value(through_boost_json(), in, out); },
        "antiphon can't decode this type: describe it with BOOST_DESCRIBE_STRUCT, or give it a "
        "tag_invoke for boost::json::value_to and include antiphon/streaming/boost_json.hpp");
    return decode_value(through_boost_json(), in, out);
  }
}

template <class T>
bool decode_whole(json_cursor& in, T& out) {
  return decode_value(in, out) && in.at_end();
}

}  // namespace detail

template <class T>
boost::system::result<T, decode_error> raw_json::try_decode() const {
  detail::json_cursor in(text(), &bytes_);
  T out{};
  if (detail::decode_whole(in, out)) return out;
  return in.take_error();
}

template <class T>
T raw_json::decode() const {
  detail::json_cursor in(text(), &bytes_);
  T out{};
  if (!detail::decode_whole(in, out)) throw decode_failure(in.take_error());
  return out;
}

}  // namespace antiphon
