#include "tests/unit/streaming/codec.hpp"

using antiphon::errc;
using codec::colour;
using codec::decoded;
using codec::refused;
using codec::severity;

namespace {

struct leaning_a;
struct leaning_b;
using node = std::variant<std::monostate, std::unique_ptr<leaning_a>, std::unique_ptr<leaning_b>>;
struct leaning_a {
  std::vector<node> kids;
  int a = 0;
};
struct leaning_b {
  std::vector<node> kids;
  int b = 0;
};
BOOST_DESCRIBE_STRUCT(leaning_a, (), (kids, a))
BOOST_DESCRIBE_STRUCT(leaning_b, (), (kids, b))

struct wide {
  std::string name, detail, text;
};
BOOST_DESCRIBE_STRUCT(wide, (), (name, detail, text))

std::string wide_element(std::size_t size) {
  return R"({"name":"n)" + std::to_string(size) + R"(","detail":"","text":")" + std::string(size, 'x') +
         "\"}";
}

}  // namespace

TEST_CASE("optional and unique_ptr take null and a value") {
  CHECK_FALSE(decoded<std::optional<int>>("null").has_value());
  CHECK(decoded<std::optional<int>>(" 5") == 5);
  CHECK(refused<std::optional<int>>("\"5\"").message == "expected an integer, found a string");
  CHECK(refused<std::optional<int>>("nul").code.failed());
  CHECK(refused<std::optional<int>>("nullnull").code == errc::invalid_json);
  CHECK(decoded<std::unique_ptr<std::string>>("null") == nullptr);
  CHECK(*decoded<std::unique_ptr<std::string>>("\"a\"") == "a");
  CHECK(refused<std::unique_ptr<std::string>>("1").code == errc::wrong_type);
}

TEST_CASE("monostate and nullptr_t are null alone") {
  decoded<std::monostate>("null");
  CHECK(decoded<std::nullptr_t>("null") == nullptr);
  CHECK(refused<std::monostate>("{}").message == "expected null, found an object");
  CHECK(refused<std::nullptr_t>("0").code == errc::wrong_type);
}

TEST_CASE("a vector is an array of any length") {
  using numbers = std::vector<int>;
  CHECK(decoded<numbers>("[]").empty());
  CHECK(decoded<numbers>(" [ 1 ,\n2\t, 3 ] ") == numbers{1, 2, 3});
  CHECK(decoded<std::vector<bool>>("[true,false,true]") == std::vector<bool>{true, false, true});
  CHECK(decoded<std::vector<numbers>>("[[],[1],[2,3]]") == std::vector<numbers>{{}, {1}, {2, 3}});
  CHECK(refused<numbers>("{}").message == "expected an array, found an object");
  for (const char* text :
       {"[", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1:2]", "[1}", "]", "[1]]", "[[1]"})
    refused<numbers>(text);
}

TEST_CASE(
    "a vector of structs takes no more room than twice what is in it, whatever its first element is like") {
  for (const std::size_t first : {0U, 1U, 1000U}) {
    for (const std::size_t others : {0U, 1U, 70'000U}) {
      for (const std::size_t count : {0U, 1U, 2U, 3U, 40U}) {
        std::string text = "[" + wide_element(first);
        for (std::size_t i = 0; i < count; ++i) text += "," + wide_element(others);
        const auto all = decoded<std::vector<std::vector<wide>>>("[" + text + "]," + text + "]]");
        REQUIRE(all.size() == 2);
        for (const std::vector<wide>& each : all) {
          REQUIRE(each.size() == 1 + count);
          CHECK(each.front().text.size() == first);
          CHECK(each.back().text.size() == (count == 0 ? first : others));
          CHECK(each.back().name == "n" + std::to_string(each.back().text.size()));
          CHECK(each.capacity() <= 2 * each.size() + 1);
        }
      }
    }
  }
}

TEST_CASE("an error carries the path to what was wrong") {
  const auto element = refused<std::vector<int>>("[1,2,\"x\"]");
  CHECK(element.code == errc::wrong_type);
  CHECK(element.path == "/2");
  CHECK(element.describe() == "/2: expected an integer, found a string");
  CHECK(refused<std::vector<std::vector<int>>>("[[],[1,2,true]]").path == "/1/2");
  CHECK(refused<int>("true").path.empty());
  CHECK(refused<int>("true").describe() == "expected an integer, found a boolean");
  using nested = std::map<std::string, std::vector<int>>;
  CHECK(refused<nested>(R"({"a/b~c":[0,1.5]})").path == "/a~1b~0c/1");
  CHECK(refused<nested>(R"({"\u0061":[null]})").path == "/a/0");
  CHECK(refused<std::tuple<int, codec::position>>(R"([1,{"line":1,"character":{}}])").path == "/1/character");
}

TEST_CASE("array, pair and tuple have one length") {
  using three = std::array<int, 3>;
  CHECK(decoded<three>("[1,2,3]") == three{1, 2, 3});
  CHECK(refused<three>("[1,2]").code == errc::wrong_length);
  CHECK(refused<three>("[1,2]").message == "expected 3 elements, found 2");
  CHECK(refused<three>("[1,2,3,4]").code == errc::wrong_length);
  CHECK(refused<three>("[1,2,3,4]").message == "expected 3 elements, found more");
  CHECK(refused<three>("[]").message == "expected 3 elements, found 0");
  CHECK(refused<three>("[1,2,3").code == errc::invalid_json);
  CHECK(decoded<std::array<int, 0>>("[]").empty());
  CHECK(refused<std::array<int, 0>>("[1]").code == errc::wrong_length);
  CHECK(decoded<std::pair<std::string, int>>(R"(["a",1])") == std::pair<std::string, int>("a", 1));
  CHECK(refused<std::pair<std::string, int>>(R"(["a","b"])").path == "/1");
  CHECK(decoded<std::tuple<>>("[]") == std::tuple<>());
  CHECK(decoded<std::tuple<int, bool, std::string>>(R"([1,true,"x"])") ==
        std::tuple(1, true, std::string("x")));
}

TEST_CASE("a map takes any names, and the last of duplicates") {
  using map = std::map<std::string, std::vector<int>>;
  CHECK(decoded<map>("{}").empty());
  CHECK(decoded<map>(R"({"a":[1],"":[],"a":[2]})") == map{{"a", {2}}, {"", {}}});
  CHECK(decoded<map>(R"({"a":[1],"\u0061":[2]})") == map{{"a", {2}}});
  using hashed = std::unordered_map<std::string, int>;
  CHECK(decoded<hashed>(R"({ "x" : 1 , "X" : 2 })") == hashed{{"x", 1}, {"X", 2}});
  CHECK(refused<map>("[]").message == "expected an object, found an array");
  for (const char* text :
       {"{", "{\"a\"", "{\"a\":", "{\"a\":[]", "{\"a\":[],", "{\"a\":[],}", "{,}", "{\"a\"[]}", "{a:[]}",
        "{1:[]}", "{\"a\":[] \"b\":[]}", "{\"a\":[]]", "{\"a\",[]}", "{\"a\":}"})
    refused<map>(text);
}

TEST_CASE("a variant is the first alternative that fits") {
  using either = std::variant<std::monostate, bool, std::int8_t, std::int64_t, double, std::string,
                              std::vector<int>, codec::position>;
  CHECK(decoded<either>("null").index() == 0);
  CHECK(decoded<either>("false") == either(false));
  CHECK(decoded<either>("-128") == either(std::int8_t{-128}));
  CHECK(decoded<either>("128") == either(std::int64_t{128}));
  CHECK(decoded<either>("128.5") == either(128.5));
  CHECK(decoded<either>("9223372036854775808") == either(9223372036854775808.0));
  CHECK(decoded<either>("\"a\\n\"") == either(std::string("a\n")));
  CHECK(decoded<either>("[1,2]") == either(std::vector<int>{1, 2}));
  CHECK(decoded<either>(R"({"line":1,"character":2})") == either(codec::position{1, 2}));
  CHECK(refused<either>("[\"a\"]").code == errc::wrong_type);
  CHECK(refused<std::variant<bool, std::string>>("{}").message ==
        "no alternative of the variant fits an object");
  CHECK(decoded<std::vector<either>>("[1,\"a\",[2],null]").size() == 4);
  // Nothing of an attempt that failed shows in the next.
  using overlapping = std::variant<std::pair<int, int>, std::vector<int>>;
  CHECK(decoded<overlapping>("[1,2,3]") == overlapping(std::vector<int>{1, 2, 3}));
}

TEST_CASE("what is wrong with a variant is told of the alternative that got furthest") {
  using either = std::variant<std::vector<int>, codec::position, std::string>;
  const auto missing = refused<either>(R"({"line":1})");
  CHECK(missing.code == errc::missing_member);
  CHECK(missing.path == "/character");
  const auto element = refused<either>(R"([1,"a"])");
  CHECK(element.code == errc::wrong_type);
  CHECK(element.path == "/1");
  CHECK(refused<either>("[1,}").code == errc::invalid_json);
  using longer = std::variant<std::pair<int, bool>, std::tuple<int, int, bool>, std::pair<bool, int>>;
  CHECK(refused<longer>("[1,2,3]").path == "/2");
  CHECK(refused<std::variant<bool, std::int8_t>>("300").code == errc::number_out_of_range);
  CHECK(refused<std::variant<bool, std::string_view>>(R"("a\n")").message ==
        "the string has escapes and can't be viewed in place");
}

TEST_CASE("alternatives within alternatives take no time beyond a bound") {
  const auto nested = [](int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += R"({"kids":[)";
    for (int i = 0; i < depth; ++i) text += R"(],"b":1})";
    return text;
  };
  // The first alternative fails at the end of each level only, so each level doubles the work.
  CHECK_FALSE(antiphon::raw_json(nested(8)).try_decode<node>().has_error());
  const auto error = refused<node>(nested(200));
  CHECK(error.message == "too many alternatives to try");
}

TEST_CASE("a variant may have one type twice, and types that convert to each other") {
  CHECK(decoded<std::variant<int, int>>("1").index() == 0);
  CHECK(decoded<std::variant<std::string_view, std::string>>("\"a\"").index() == 0);
  CHECK(decoded<std::variant<std::string_view, std::string>>("\"\\n\"").index() == 1);
}

TEST_CASE("a described enum goes by name, another by number") {
  CHECK(decoded<colour>("\"green\"") == colour::green);
  CHECK(decoded<colour>("\"\\u0072ed\"") == colour::red);
  CHECK(refused<colour>("\"Green\"").code == errc::wrong_type);
  CHECK(refused<colour>("\"yellow\"").message == "unknown value \"yellow\"");
  CHECK(refused<colour>("7").message == "expected a string, found a number");
  CHECK(refused<colour>("\"red\\u0000x\"").code == errc::wrong_type);
  CHECK(refused<colour>("\"\"").code == errc::wrong_type);
  CHECK(decoded<severity>("4") == severity::hint);
  CHECK(decoded<severity>("2") == severity{2});
  CHECK(refused<severity>("256").code == errc::number_out_of_range);
  CHECK(refused<severity>("\"hint\"").code == errc::wrong_type);
  CHECK(decoded<std::map<std::string, colour>>(R"({"a":"blue"})").at("a") == colour::blue);
}

TEST_CASE("a DOM is the text's value") {
  const char* text =
      R"( {"a":[1,-2,3.5,"x\n",true,false,null,{},[]],"b":{"c":{"d":[[[]]]}},"":18446744073709551615} )";
  CHECK(decoded<boost::json::value>(text) == boost::json::parse(text));
  CHECK(decoded<boost::json::object>(text) == boost::json::parse(text).as_object());
  CHECK(decoded<boost::json::array>("[1,[2]]") == boost::json::array{1, {2}});
  CHECK(decoded<boost::json::string>("\"a\"") == "a");
  CHECK(decoded<boost::json::value>("null").is_null());
  CHECK(refused<boost::json::object>("[]").message == "expected an object, found an array");
  CHECK(refused<boost::json::array>("1").message == "expected an array, found a number");
  CHECK(refused<boost::json::string>("{}").message == "expected a string, found an object");
  CHECK(decoded<boost::json::value>(R"({"a":1,"b":2,"a":[3]})") ==
        boost::json::value({{"a", {3}}, {"b", 2}}));
  for (const char* bad :
       {"", "[", "{", "[1,]", "{\"a\":1,}", "[1}", "{\"a\"}", "{\"a\":}", "tru", "nul", "[,]", "{,}"})
    refused<boost::json::value>(bad);
}

TEST_CASE("what nests too deeply is an error, not a crash") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(decoded<boost::json::value>(nested(1024)).is_array());
  CHECK(refused<boost::json::value>(nested(1025)).code == errc::nesting_too_deep);
  CHECK(refused<boost::json::value>(std::string(1'000'000, '[')).code == errc::nesting_too_deep);

  std::string text;
  for (int i = 0; i < 500; ++i) text += R"({"name":"n","children":[)";
  for (int i = 0; i < 500; ++i) text += "]}";
  CHECK(decoded<codec::tree>(text).children.size() == 1);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"name":"n","children":[)";
  CHECK(refused<codec::tree>(deep).code == errc::nesting_too_deep);
  std::string list;
  for (int i = 0; i < 100'000; ++i) list += R"({"value":1,"next":)";
  CHECK(refused<codec::chain>(list).code == errc::nesting_too_deep);
  // Left undecoded, depth costs nothing.
  CHECK(decoded<antiphon::raw_json>(nested(1'000'000)).text().size() == 2'000'000);
}
