#pragma once

#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/boost_json.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

// The types that the tests of decode and encode share, and short ways to call both.
namespace codec {

struct position {
  int line = 0;
  int character = 0;
  friend bool operator==(const position&, const position&) = default;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))

struct range {
  position start;
  position end;
  friend bool operator==(const range&, const range&) = default;
};
BOOST_DESCRIBE_STRUCT(range, (), (start, end))

struct hover {
  std::string contents;
  std::optional<codec::range> range;
  friend bool operator==(const hover&, const hover&) = default;
};
BOOST_DESCRIBE_STRUCT(hover, (), (contents, range))

struct located : position {
  std::string uri;
  friend bool operator==(const located&, const located&) = default;
};
BOOST_DESCRIBE_STRUCT(located, (position), (uri))

struct nothing {
  friend bool operator==(const nothing&, const nothing&) = default;
};
BOOST_DESCRIBE_STRUCT(nothing, (), ())

enum class colour { red, green = 7, blue };
BOOST_DESCRIBE_ENUM(colour, red, green, blue)

// Not described: a number in JSON.
enum class severity : std::uint8_t { error = 1, hint = 4 };

struct tree {
  std::string name;
  std::vector<tree> children;
  friend bool operator==(const tree&, const tree&) = default;
};
BOOST_DESCRIBE_STRUCT(tree, (), (name, children))

struct chain {
  int value = 0;
  std::unique_ptr<chain> next;
};
BOOST_DESCRIBE_STRUCT(chain, (), (value, next))

// One member of every kind.
struct everything {
  bool flag = false;
  std::int64_t small = 0;
  std::uint64_t large = 0;
  double real = 0;
  float single = 0;
  std::string text;
  std::optional<std::string> maybe;
  std::vector<bool> bits;
  std::array<std::int16_t, 3> triple{};
  std::pair<std::string, std::uint8_t> couple;
  std::tuple<int, std::string, std::optional<bool>> mixed;
  std::map<std::string, std::vector<double>> sorted;
  std::unordered_map<std::string, hover> hashed;
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<int>, codec::position> one_of;
  codec::colour colour{};
  codec::severity severity{};
  codec::located place;
  codec::tree tree;
  boost::json::value dom;
  friend bool operator==(const everything&, const everything&) = default;
};
BOOST_DESCRIBE_STRUCT(everything, (),
                      (flag, small, large, real, single, text, maybe, bits, triple, couple, mixed, sorted,
                       hashed, one_of, colour, severity, place, tree, dom))

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

template <class T>
T decoded(std::string_view text) {
  INFO("decoding ", text);
  return antiphon::raw_json(text).decode<T>();
}

// Why `text` is no `T`.
template <class T>
antiphon::decode_error refused(std::string_view text) {
  auto result = antiphon::raw_json(text).try_decode<T>();
  INFO("decoding ", text);
  REQUIRE(result.has_error());
  CHECK(result.error().code.failed());
  CHECK_FALSE(result.error().message.empty());
  return result.error();
}

inline std::string joined(const std::vector<antiphon::slice>& parts) {
  std::string text;
  for (const auto& part : parts) text.append(part.bytes());
  return text;
}

template <class T>
std::string encoded(const T& value) {
  test::counting_source memory;
  antiphon::output_chain out(memory, 64);
  antiphon::encode(out, value);
  std::vector<antiphon::slice> parts;
  out.take(parts);
  return joined(parts);
}

}  // namespace codec
