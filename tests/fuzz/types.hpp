#pragma once

#include <antiphon/streaming/boost_json.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

/// Types of every kind that decode and encode know, for fuzz_decode.cpp. Each value's text decodes to an
/// equal value: of a variant, no alternative takes what a later one writes.
namespace fuzz {

struct position {
  int line = 0;
  unsigned character = 0;
  friend bool operator==(const position&, const position&) = default;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))

struct located : position {
  std::string uri;
  std::optional<bool> open;
  friend bool operator==(const located&, const located&) = default;
};
BOOST_DESCRIBE_STRUCT(located, (position), (uri, open))

struct nothing {
  friend bool operator==(const nothing&, const nothing&) = default;
};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

enum class colour { red, green = 7, blue };
BOOST_DESCRIBE_ENUM(colour, red, green, blue)

// Not described: a number in JSON.
enum class severity : std::uint8_t { error = 1, hint = 4 };

struct node {
  std::string name;
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<node>> value;
  std::optional<std::vector<node>> children;
  friend bool operator==(const node&, const node&) = default;
};
BOOST_DESCRIBE_STRUCT(node, (), (name, value, children))

struct everything {
  bool b = false;
  std::int8_t i = 0;
  std::uint64_t u = 0;
  double d = 0;
  float f = 0;
  std::string s;
  std::optional<std::string> o;
  std::vector<bool> v;
  std::array<std::int16_t, 2> a{};
  std::pair<std::string, std::uint8_t> p;
  std::tuple<int, std::string, std::optional<bool>> t;
  std::map<std::string, std::vector<double>> m;
  std::unordered_map<std::string, located> h;
  std::variant<colour, std::monostate, bool, std::int64_t, std::vector<int>, position, nothing> c;
  fuzz::severity e{};
  fuzz::node n;
  boost::json::value j;
  friend bool operator==(const everything&, const everything&) = default;
};
BOOST_DESCRIBE_STRUCT(everything, (), (b, i, u, d, f, s, o, v, a, p, t, m, h, c, e, n, j))

// The same, but that each may be missing, so that few bytes get far.
struct anything {
  std::optional<bool> b;
  std::optional<std::int8_t> i;
  std::optional<std::uint64_t> u;
  std::optional<double> d;
  std::optional<float> f;
  std::optional<std::string> s;
  std::optional<std::vector<bool>> v;
  std::optional<std::array<std::int16_t, 2>> a;
  std::optional<std::pair<std::string, std::uint8_t>> p;
  std::optional<std::tuple<int, std::string, std::optional<bool>>> t;
  std::optional<std::map<std::string, std::vector<double>>> m;
  std::optional<std::unordered_map<std::string, located>> h;
  std::optional<std::variant<colour, bool, std::int64_t, std::vector<int>, position, nothing>> c;
  std::optional<fuzz::severity> e;
  std::optional<fuzz::node> n;
  friend bool operator==(const anything&, const anything&) = default;
};
BOOST_DESCRIBE_STRUCT(anything, (), (b, i, u, d, f, s, v, a, p, t, m, h, c, e, n))

// Known to Boost.JSON alone.
struct celsius {
  double degrees = 0;
  friend bool operator==(const celsius&, const celsius&) = default;
};
inline celsius tag_invoke(boost::json::value_to_tag<celsius>, const boost::json::value& from) {
  return {from.at("degrees").to_number<double>()};
}
inline void tag_invoke(boost::json::value_from_tag, boost::json::value& to, const celsius& from) {
  to = {{"degrees", from.degrees}};
}

}  // namespace fuzz

// What is left undecoded isn't checked either.
namespace fuzz {

struct undecoded {
  antiphon::raw_json r;
  std::optional<std::vector<antiphon::raw_json>> rs;
};
BOOST_DESCRIBE_STRUCT(undecoded, (), (r, rs))

}  // namespace fuzz
