#pragma once

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/fwd.hpp>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>

// Which C++ types stand for which JSON values: seen by decoding, encoding and discovery alike.
namespace antiphon::detail {

template <class T>
inline constexpr bool is_described_struct =
    boost::describe::has_describe_members<T>::value && std::is_class_v<T> && !std::is_union_v<T>;
template <class T>
inline constexpr bool is_described_enum = boost::describe::has_describe_enumerators<T>::value;

template <class T>
using described_members =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T>
inline constexpr bool is_optional_like = false;
template <class T>
inline constexpr bool is_optional_like<std::optional<T>> = true;
template <class T>
inline constexpr bool is_optional_like<std::unique_ptr<T>> = true;

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <class... Args, template <class...> class Template>
inline constexpr bool is_a<Template<Args...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_string_map = false;
template <class... Rest>
inline constexpr bool is_string_map<std::map<std::string, Rest...>> = true;
template <class... Rest>
inline constexpr bool is_string_map<std::unordered_map<std::string, Rest...>> = true;

template <class T>
inline constexpr bool is_json_dom =
    std::is_same_v<T, boost::json::value> || std::is_same_v<T, boost::json::object> ||
    std::is_same_v<T, boost::json::array> || std::is_same_v<T, boost::json::string>;

/// By which the conversions in boost_json.hpp are found where it is included.
struct through_boost_json {};

}  // namespace antiphon::detail
