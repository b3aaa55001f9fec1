#include <antiphon/streaming/request_id.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <unordered_set>

using antiphon::request_id;

namespace {

bool same(std::string_view a, std::string_view b) {
  const auto left = request_id::from_json(a);
  const auto right = request_id::from_json(b);
  if (left == right) CHECK(std::hash<request_id>()(left) == std::hash<request_id>()(right));
  CHECK((left == right) == (right == left));
  return left == right;
}

}  // namespace

TEST_CASE("an id goes back as it came") {
  for (const char* json : {"0", "-1", "18446744073709551615", "-9223372036854775808", "1.0", "\"\"",
                           "\"a\\u0062\\/\"", "null"}) {
    CHECK(request_id::from_json(json).json() == json);
  }
}

TEST_CASE("an id knows its type") {
  CHECK(request_id().kind() == request_id::kind::null);
  CHECK(request_id::from_json("null").kind() == request_id::kind::null);
  CHECK(request_id::from_json("\"null\"").kind() == request_id::kind::string);
  CHECK(request_id::from_json("\"\"").kind() == request_id::kind::string);
  CHECK(request_id::from_json("-5").kind() == request_id::kind::number);
  CHECK(request_id(5).kind() == request_id::kind::number);
}

TEST_CASE("ids are made from integers") {
  CHECK(request_id(0).json() == "0");
  CHECK(request_id(std::numeric_limits<std::int64_t>::min()).json() == "-9223372036854775808");
  CHECK(request_id(std::numeric_limits<std::int64_t>::max()).json() == "9223372036854775807");
}

TEST_CASE("ids are equal when they are the same JSON value") {
  CHECK(same("1", "1"));
  CHECK(same("null", "null"));
  CHECK(same("\"a\"", "\"a\""));
  CHECK(same("\"a\"", "\"\\u0061\""));
  CHECK(same("\"\\u00e9\"", "\"\xC3\xA9\""));
  CHECK(same("\"\\u20AC\"", "\"\xE2\x82\xAC\""));
  CHECK(same("\"\\ud83d\\uDE00\"", "\"\xF0\x9F\x98\x80\""));
  CHECK(same("\"\\u0022\\u005C\"", "\"\\\"\\\\\""));
  CHECK(same("\"\\/\\b\\f\\n\\r\\t\"", "\"/\\u0008\\u000C\\u000a\\u000D\\u0009\""));
  CHECK(same("\"a/b\"", "\"a\\/b\""));
}

TEST_CASE("ids of another type, value or length differ") {
  CHECK_FALSE(same("1", "\"1\""));
  CHECK_FALSE(same("null", "\"null\""));
  CHECK_FALSE(same("1", "-1"));
  CHECK_FALSE(same("9007199254740992", "9007199254740993"));
  CHECK_FALSE(same("\"a\"", "\"A\""));
  CHECK_FALSE(same("\"a\\u0000b\"", "\"a\\u0000c\""));
  CHECK_FALSE(same("\"a\\u0000\"", "\"a\""));
  CHECK_FALSE(same("\"a\"", "\"\\u0061b\""));
  CHECK_FALSE(same("\"\\\\u0061\"", "\"a\""));
}

TEST_CASE("ids of many shapes find themselves in a hash table") {
  std::unordered_set<request_id> ids;
  for (int i = 0; i < 1000; ++i) {
    ids.insert(request_id(i));
    ids.insert(request_id::from_json('"' + std::to_string(i) + '"'));
  }
  ids.insert(request_id());
  CHECK(ids.size() == 2001);
  CHECK(ids.contains(request_id::from_json("\"\\u0031\\u0030\"")));
  CHECK_FALSE(ids.contains(request_id(1000)));
}
