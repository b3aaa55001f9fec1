#include "tests/unit/streaming/codec.hpp"

using antiphon::errc;
using antiphon::json_kind;
using antiphon::raw_json;
using codec::decoded;
using codec::refused;

namespace {

struct envelope {
  std::string method;
  raw_json params;
  std::optional<raw_json> result;
};
BOOST_DESCRIBE_STRUCT(envelope, (), (method, params, result))

// `text` in memory that the raw_json pins.
raw_json pinned(antiphon::buffer_source& memory, std::string_view text) {
  auto block = memory.acquire(text.size());
  std::memcpy(block.data(), text.data(), text.size());
  block.commit(text.size());
  return raw_json(block.share(block.bytes()));
}

}  // namespace

TEST_CASE("a raw_json is null until it is something else") {
  CHECK(raw_json().text() == "null");
  CHECK(raw_json().kind() == json_kind::null);
  CHECK(raw_json().decode<std::optional<int>>() == std::nullopt);
  CHECK(raw_json().to_value().is_null());
}

TEST_CASE("a raw_json knows its kind by its first byte") {
  CHECK(raw_json("null").kind() == json_kind::null);
  CHECK(raw_json("true").kind() == json_kind::boolean);
  CHECK(raw_json("false").kind() == json_kind::boolean);
  CHECK(raw_json("-1").kind() == json_kind::number);
  CHECK(raw_json("0").kind() == json_kind::number);
  CHECK(raw_json("\"1\"").kind() == json_kind::string);
  CHECK(raw_json(" \t\r\n[1]").kind() == json_kind::array);
  CHECK(raw_json("{}").kind() == json_kind::object);
}

TEST_CASE("a raw_json in a value is the text as it stands, without the blanks around it") {
  CHECK(decoded<raw_json>(" [ 1 , 2 ] ").text() == "[ 1 , 2 ]");
  using list = std::vector<raw_json>;
  const auto values = decoded<list>(R"([1.50, "a\u0062", {"x" : "]}" }, [[]], null])");
  const std::vector<std::string_view> expected = {"1.50", R"("a\u0062")", R"({"x" : "]}" })", "[[]]", "null"};
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(values[i].text() == expected[i]);
  for (const char* text : {"", "[", "[1", "\"", "]", ",", "1 2"}) refused<raw_json>(text);
  CHECK(refused<list>("[1,]").path == "/1");
}

TEST_CASE("a raw_json that was decoded shares the pin of what it was decoded from") {
  test::counting_source memory;
  {
    auto message = pinned(memory, R"({"method":"m","params":[1,2],"result":{"a":1}})");
    auto parts = message.decode<envelope>();
    CHECK(memory.acquired == 1);
    CHECK(parts.params.bytes().pinned());
    CHECK(parts.params.text().data() ==
          message.text().data() + std::string_view(R"({"method":"m","params":)").size());
    message = raw_json();
    CHECK(memory.live > 0);
    CHECK(parts.params.decode<std::vector<int>>() == std::vector<int>{1, 2});
    parts.params = raw_json();
    CHECK(memory.live > 0);
    CHECK(parts.result->to_value() == boost::json::value({{"a", 1}}));
    parts.result.reset();
    CHECK(memory.live == 0);
  }
  CHECK_FALSE(decoded<envelope>(R"({"method":"m","params":1})").params.bytes().pinned());
}

TEST_CASE("keep copies what isn't pinned and shares what is") {
  std::string text = "[1,2,3]";
  const auto borrowed = raw_json(text);
  const auto kept = borrowed.keep();
  text.assign(text.size(), '#');
  CHECK(kept.text() == "[1,2,3]");
  CHECK(kept.bytes().pinned());
  const auto again = kept.keep();
  CHECK(again.text().data() == kept.text().data());
}

TEST_CASE("copies of a raw_json share its memory") {
  test::counting_source memory;
  auto first = pinned(memory, "[1]");
  auto second = first;
  auto third = std::move(first);
  CHECK(memory.acquired == 1);
  second = raw_json("2");
  CHECK(memory.live > 0);
  CHECK(third.text() == "[1]");
  third = raw_json();
  CHECK(memory.live == 0);
}

TEST_CASE("to_value uses the storage that it is given, and throws with the reason") {
  boost::json::monotonic_resource arena;
  const auto value = raw_json(R"({"a":["long enough to need memory of its own",1]})").to_value(&arena);
  CHECK(value.storage().get() == &arena);
  CHECK(value.at("a").as_array().storage().get() == &arena);
  try {
    raw_json("[1,").to_value();
    FAIL("nothing was thrown");
  } catch (const antiphon::decode_failure& failure) {
    CHECK(failure.code().failed());
  }
  CHECK_THROWS_AS(raw_json("1 2").to_value(), antiphon::decode_failure);
}

TEST_CASE("a spliced raw_json is the same value without a line break") {
  CHECK(codec::encoded(raw_json(R"({"a": [1, "\n"]})")) == R"({"a": [1, "\n"]})");
  CHECK(codec::encoded(raw_json("{\r\n\t\"a\": [\n1,\n2]\n}\n")) == "{\r \t\"a\": [ 1, 2] } ");
  test::counting_source memory;
  std::string long_text = "[\n";
  for (int i = 0; i < 20'000; ++i) long_text += "1,\n";
  long_text += "1]";
  const auto text = codec::encoded(pinned(memory, long_text));
  CHECK(text.find('\n') == std::string::npos);
  CHECK(raw_json(text).decode<std::vector<int>>().size() == 20'001);
}
