#pragma once

#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/value_traits.hpp>

#include <boost/describe/enumerators.hpp>

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// What a C++ type looks like as JSON, for rpc.discover: computed only when it is asked for.
namespace antiphon::detail {

struct type_shape;
/// Also the type's identity: a type that contains itself is met again as the same function.
using shape_function = type_shape (*)();

enum class shape_kind { anything, null, boolean, integer, number, string, array, map, object, choice };

struct type_shape {
  struct member {
    std::string_view name;
    shape_function shape;
    bool required;
  };

  shape_kind kind = shape_kind::anything;
  bool optional = false;
  shape_function element = nullptr;          // array, map
  std::vector<member> members;               // object; choice: its alternatives, without names
  std::vector<std::string_view> names = {};  // string: the only ones it may be, where there are some
};

template <class T>
type_shape shape_of();

template <class T, class Descriptor>
type_shape::member shape_of_member() {
  using type = std::remove_cvref_t<decltype(std::declval<T&>().*Descriptor::pointer)>;
  return {Descriptor::name, &shape_of<type>, !is_optional_like<type>};
}

// As lists rather than by push_back, where g++ 14 warns of what can't happen.
template <class T, template <class...> class List, class... Descriptors>
std::vector<type_shape::member> members_of(List<Descriptors...>) {
  return {shape_of_member<T, Descriptors>()...};
}
template <template <class...> class List, class... Descriptors>
std::vector<std::string_view> names_of(List<Descriptors...>) {
  return {std::string_view(Descriptors::name)...};
}

template <class T>
type_shape struct_shape() {
  return {shape_kind::object, false, nullptr, members_of<T>(described_members<T>())};
}

template <class T>
type_shape enum_shape() {
  if constexpr (is_described_enum<T>) {
    using names = boost::describe::describe_enumerators<T>;
    return {shape_kind::string, false, nullptr, {}, names_of(names())};
  } else {
    return {shape_kind::integer, false, nullptr, {}};
  }
}

template <class T>
struct variant_shape;
template <class... Alternatives>
struct variant_shape<std::variant<Alternatives...>> {
  static type_shape make() {
    return {shape_kind::choice, false, nullptr, {{"", &shape_of<Alternatives>, true}...}};
  }
};

template <class T>
type_shape shape_of() {
  const auto of = [](shape_kind kind) { return type_shape{kind, false, nullptr, {}}; };
  if constexpr (std::is_same_v<T, bool>) {
    return of(shape_kind::boolean);
  } else if constexpr (std::integral<T>) {
    return of(shape_kind::integer);
  } else if constexpr (std::floating_point<T>) {
    return of(shape_kind::number);
  } else if constexpr (std::is_void_v<T> || std::is_same_v<T, std::monostate> ||
                       std::is_same_v<T, std::nullptr_t>) {
    return of(shape_kind::null);
  } else if constexpr (std::is_same_v<T, boost::json::object>) {
    return {shape_kind::map, false, nullptr, {}};
  } else if constexpr (std::is_same_v<T, boost::json::array>) {
    return {shape_kind::array, false, nullptr, {}};
  } else if constexpr (std::is_same_v<T, boost::json::value> || std::is_same_v<T, raw_json>) {
    return of(shape_kind::anything);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return of(shape_kind::string);
  } else if constexpr (is_optional_like<T>) {
    type_shape shape = shape_of<std::remove_cvref_t<decltype(*std::declval<T&>())>>();
    shape.optional = true;
    return shape;
  } else if constexpr (is_a<T, std::vector> || is_std_array<T>) {
    return {shape_kind::array, false, &shape_of<typename T::value_type>, {}};
  } else if constexpr (is_a<T, std::tuple> || is_a<T, std::pair>) {
    return {shape_kind::array, false, nullptr, {}};
  } else if constexpr (is_string_map<T>) {
    return {shape_kind::map, false, &shape_of<typename T::mapped_type>, {}};
  } else if constexpr (is_a<T, std::variant>) {
    return variant_shape<T>::make();
  } else if constexpr (std::is_enum_v<T>) {
    return enum_shape<T>();
  } else if constexpr (is_described_struct<T>) {
    return struct_shape<T>();
  } else {
    return of(shape_kind::anything);
  }
}

/// What a handler takes and returns.
struct handler_shape {
  struct argument {
    shape_function shape;
    bool required;
    bool whole;  // when it is the only one, it is the parameters as a whole
  };
  std::span<const argument> arguments;
  std::span<const std::string> names;  // of the arguments; empty when they have none
  shape_function result = nullptr;
};

}  // namespace antiphon::detail
