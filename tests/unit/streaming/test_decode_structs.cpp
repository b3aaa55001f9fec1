#include "tests/unit/streaming/codec.hpp"

using antiphon::errc;
using codec::decoded;
using codec::hover;
using codec::position;
using codec::refused;

TEST_CASE("a described struct takes its members in any order and skips others") {
  CHECK(decoded<position>(R"({"line":3,"character":4})") == position{3, 4});
  CHECK(decoded<position>(R"( { "character" : 4 , "line" : 3 } )") == position{3, 4});
  CHECK(
      decoded<position>(R"({"x":{"line":[9,"]}\""]},"line":3,"y":"\\","character":4,"z":null,"w":-1.5e3})") ==
      position{3, 4});
  CHECK(decoded<position>(R"({"l\u0069ne":3,"character":4})") == position{3, 4});
  CHECK(decoded<codec::nothing>(R"({"a":1})") == codec::nothing());
  CHECK(decoded<codec::nothing>("{}") == codec::nothing());
}

TEST_CASE("member names are compared exactly") {
  CHECK(refused<position>(R"({"Line":3,"character":4})").code == errc::missing_member);
  CHECK(refused<position>(R"({"line\u0000":3,"character":4})").path == "/line");
  CHECK(refused<position>(R"({"lin":3,"lines":3,"":0,"character":4})").path == "/line");
}

TEST_CASE("a missing member is an error that names it") {
  const auto error = refused<position>(R"({"line":3})");
  CHECK(error.code == errc::missing_member);
  CHECK(error.path == "/character");
  CHECK(error.message == "missing member");
  CHECK(refused<position>("{}").path == "/line");
  CHECK(refused<codec::range>(R"({"start":{"line":1,"character":2},"end":{"line":1}})").path ==
        "/end/character");
  CHECK(refused<std::vector<position>>(R"([{"line":1,"character":2},{}])").path == "/1/line");
}

TEST_CASE("a member that may be missing is left empty") {
  CHECK(decoded<hover>(R"({"contents":"c"})") == hover{"c", std::nullopt});
  CHECK(decoded<hover>(R"({"contents":"c","range":null})") == hover{"c", std::nullopt});
  CHECK(decoded<codec::chain>(R"({"value":1})").next == nullptr);
  const auto list = decoded<codec::chain>(R"({"value":1,"next":{"next":{"value":3},"value":2}})");
  CHECK(list.next->next->value == 3);
}

TEST_CASE("a member of a wrong type is an error with its path") {
  const auto error = refused<hover>(
      R"({"contents":"c","range":{"start":{"line":"x","character":0},"end":{"line":0,"character":0}}})");
  CHECK(error.code == errc::wrong_type);
  CHECK(error.path == "/range/start/line");
  CHECK(error.describe() == "/range/start/line: expected an integer, found a string");
  CHECK(refused<position>("[3,4]").message == "expected an object, found an array");
  CHECK(refused<position>("null").message == "expected an object, found null");
}

TEST_CASE("decode throws what try_decode returns") {
  try {
    decoded<position>(R"({"line":true,"character":0})");
    FAIL("nothing was thrown");
  } catch (const antiphon::decode_failure& failure) {
    CHECK(failure.code() == errc::wrong_type);
    CHECK(failure.reason().path == "/line");
    CHECK(std::string(failure.what()).find("/line: expected an integer, found a boolean") !=
          std::string::npos);
  }
  const auto result = antiphon::raw_json("{}").try_decode<position>();
  CHECK_THROWS_AS(result.value(), antiphon::decode_failure);
}

TEST_CASE("of duplicate members the last counts and nothing of an earlier one shows") {
  CHECK(decoded<position>(R"({"line":1,"character":2,"line":3})") == position{3, 2});
  const auto where = R"({"start":{"line":1,"character":1},"end":{"line":1,"character":1}})";
  CHECK(decoded<hover>(R"({"contents":"c","range":)" + std::string(where) + R"(,"range":null})") ==
        hover{"c", std::nullopt});
  CHECK(refused<codec::range>(
            R"({"start":{"line":1,"character":1},"start":{"line":2},"end":{"line":0,"character":0}})")
            .path == "/start/character");
  const auto tree = decoded<codec::tree>(
      R"({"name":"a","children":[{"name":"b","children":[]}],"children":[],"n\u0061me":"c"})");
  CHECK(tree == codec::tree{"c", {}});
}

TEST_CASE("an inherited struct has the members of its bases") {
  const auto place = decoded<codec::located>(R"({"uri":"u","line":1,"character":2})");
  CHECK(place.uri == "u");
  CHECK(static_cast<const position&>(place) == position{1, 2});
  CHECK(refused<codec::located>(R"({"uri":"u","line":1})").path == "/character");
}

TEST_CASE("a type that only Boost.JSON knows is decoded by way of it") {
  CHECK(decoded<codec::celsius>(R"({"degrees":21.5})") == codec::celsius{21.5});
  CHECK(decoded<std::vector<codec::celsius>>(R"([{"degrees":1},{"degrees":2}])").size() == 2);
  const auto error = refused<std::vector<codec::celsius>>(R"([{"degrees":1},{"kelvin":2}])");
  CHECK(error.code == errc::wrong_type);
  CHECK(error.path == "/1");
  CHECK(refused<codec::celsius>("{\"degrees\":").code.failed());
}

TEST_CASE("one member of every kind") {
  const auto value = decoded<codec::everything>(R"({
    "flag": true, "small": -9223372036854775808, "large": 18446744073709551615, "real": 0.1, "single": 0.1,
    "text": "t", "bits": [true, false], "triple": [1, -2, 3], "couple": ["c", 255], "mixed": [1, "m", null],
    "sorted": {"s": [0.5]}, "hashed": {"h": {"contents": ""}}, "one_of": {"line": 1, "character": 2},
    "colour": "blue", "severity": 4, "place": {"uri": "u", "line": 1, "character": 2},
    "tree": {"name": "root", "children": [{"name": "leaf", "children": []}]}, "dom": [1, {"a": null}]})");
  codec::everything expected;
  expected.flag = true;
  expected.small = std::numeric_limits<std::int64_t>::min();
  expected.large = std::numeric_limits<std::uint64_t>::max();
  expected.real = 0.1;
  expected.single = 0.1f;
  expected.text = "t";
  expected.bits = {true, false};
  expected.triple = {1, -2, 3};
  expected.couple = {"c", std::uint8_t{255}};
  expected.mixed = {1, "m", std::nullopt};
  expected.sorted = {{"s", {0.5}}};
  expected.hashed = {{"h", hover{}}};
  expected.one_of = position{1, 2};
  expected.colour = codec::colour::blue;
  expected.severity = codec::severity::hint;
  expected.place.line = 1;
  expected.place.character = 2;
  expected.place.uri = "u";
  expected.tree = {"root", {{"leaf", {}}}};
  expected.dom = {1, {{"a", nullptr}}};
  CHECK(value == expected);
}
