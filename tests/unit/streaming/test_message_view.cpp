#include <antiphon/streaming/message_view.hpp>

#include <doctest/doctest.h>

#include <string>

using antiphon::limits;
using antiphon::message_kind;
using antiphon::message_view;

namespace {

message_view parse(std::string_view text, const limits& bounds = {}) {
  return message_view::parse(text, bounds);
}

struct kind_case {
  const char* text;
  message_kind kind;
};

struct invalid_case {
  const char* text;
  const char* id;  // what its answer would carry; "" for null
  bool answered;
};

}  // namespace

TEST_CASE("a message's kind comes from the members that it has") {
  const kind_case cases[] = {
      {R"({"jsonrpc":"2.0","id":1,"method":"a"})", message_kind::request},
      {R"({"jsonrpc":"2.0","id":null,"method":"a"})", message_kind::request},
      {R"({"jsonrpc":"2.0","id":"","method":"","params":[]})", message_kind::request},
      {R"({"jsonrpc":"2.0","id":1,"method":"a","result":1})", message_kind::request},
      {R"({"jsonrpc":"2.0","method":"a"})", message_kind::notification},
      {R"({"jsonrpc":"2.0","method":"a","params":{}})", message_kind::notification},
      {R"({"jsonrpc":"2.0","method":"a","params":null})", message_kind::notification},
      {R"({"jsonrpc":"2.0","id":1,"result":null})", message_kind::response},
      {R"({"jsonrpc":"2.0","result":1})", message_kind::response},
      {R"({"id":1,"result":1})", message_kind::response},
      {R"({"jsonrpc":"2.0","id":true,"result":1})", message_kind::response},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"error":null})", message_kind::response},
      {R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}})", message_kind::error_response},
      {R"({"jsonrpc":"2.0","id":null,"error":5})", message_kind::error_response},
      {R"({"jsonrpc":"2.0","id":1,"error":null})", message_kind::error_response},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})", message_kind::error_response},
  };
  for (const auto& [text, kind] : cases) {
    CAPTURE(text);
    const auto view = parse(text);
    CHECK(view.kind() == kind);
    CHECK(view.problem().empty());
    CHECK(view.wants_answer() == (kind == message_kind::request));
  }
}

TEST_CASE(
    "what is no message is invalid, keeps its id when that is valid, and is answered unless it is a "
    "notification") {
  const invalid_case cases[] = {
      {"1", "", true},
      {"\"x\"", "", true},
      {"null", "", true},
      {"", "", true},
      {"[]", "", true},
      {R"([{"jsonrpc":"2.0","id":1,"method":"a"}])", "", true},
      {"{}", "", true},
      {R"({"foo":"boo"})", "", true},
      {R"({"jsonrpc":"2.0","method":1,"params":"bar"})", "", true},
      {R"({"jsonrpc":"2.0","id":7})", "7", true},
      {R"({"jsonrpc":"2.0","id":"x","method":null})", "\"x\"", true},
      {R"({"jsonrpc":"2.0","id":1,"method":{},"result":1})", "1", true},
      {R"({"jsonrpc":"2.0","id":true,"method":"a"})", "", true},
      {R"({"jsonrpc":"2.0","id":false,"method":"a"})", "", true},
      {R"({"jsonrpc":"2.0","id":[1],"method":"a"})", "", true},
      {R"({"jsonrpc":"2.0","id":{},"method":"a"})", "", true},
      {R"({"id":5,"method":"a"})", "5", true},
      {R"({"jsonrpc":"1.0","id":5,"method":"a"})", "5", true},
      {R"({"jsonrpc":2.0,"id":5,"method":"a"})", "5", true},
      {R"({"jsonrpc":"2.0","id":5,"method":"a","params":1})", "5", true},
      {R"({"jsonrpc":"2.0","id":5,"method":"a","params":"x"})", "5", true},
      {R"({"jsonrpc":"2.0","id":null,"method":"a","params":true})", "null", true},
      {R"({"JSONRPC":"2.0","id":5,"method":"a"})", "5", true},
      {R"({"jsonrpc":"2.0","id":5,"Method":"a"})", "5", true},
      {R"({"jsonrpc":"2.0","ID":5,"method":"a","params":1})", "", false},
      {R"({"method":"a"})", "", false},
      {R"({"jsonrpc":"1.0","method":"a"})", "", false},
      {R"({"jsonrpc":"2.0","method":"a","params":"bar"})", "", false},
  };
  for (const auto& [text, id, answered] : cases) {
    CAPTURE(text);
    const auto view = parse(text);
    CHECK(view.kind() == message_kind::invalid);
    CHECK_FALSE(view.problem().empty());
    CHECK(view.id_text() == id);
    CHECK(view.has_id() == (*id != '\0'));
    CHECK(view.wants_answer() == answered);
  }
}

TEST_CASE("each problem is named") {
  CHECK(parse("5").problem() == "The message is not an object.");
  CHECK(parse("{").problem() == "The message is not valid JSON.");
  CHECK(parse(R"({"jsonrpc":"2.0"})").problem() == "The member \"method\" is missing.");
  CHECK(parse(R"({"jsonrpc":"2.0","method":1})").problem() == "The member \"method\" is not a string.");
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","id":[]})").problem() ==
        "The member \"id\" is neither a string nor a number nor null.");
  CHECK(parse(R"({"method":"a"})").problem() == "The member \"jsonrpc\" is not \"2.0\".");
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","params":1})").problem() ==
        "The member \"params\" is neither an object nor an array.");
}

TEST_CASE("members are found in any order, with any whitespace, among others") {
  const auto view = parse(
      "\r\n { \"params\"\t:\n[1, {\"id\":2}] , \"x\":{\"method\":\"no\"},\"id\" : \"i\",\"jsonrpc\":\"2.0\", "
      "\"y\":[\"]}\"], \"method\":\"m\" } \t");
  REQUIRE(view.kind() == message_kind::request);
  CHECK(view.params_text() == "[1, {\"id\":2}]");
  CHECK(view.id_text() == "\"i\"");
  CHECK(view.method_text() == "m");
}

TEST_CASE("values stay as they stand, and missing ones are empty text and null") {
  const auto response = parse(R"({"jsonrpc":"2.0","id":1.50,"result":{"a": 1e2} })");
  CHECK(response.id_text() == "1.50");
  CHECK(response.id().json() == "1.50");
  CHECK(response.result_text() == "{\"a\": 1e2}");
  CHECK(response.result().text() == "{\"a\": 1e2}");
  CHECK(response.error_text().empty());
  CHECK(response.error().text() == "null");
  CHECK(response.params().text() == "null");
  const auto error = parse(R"({"jsonrpc":"2.0","id":1,"error":{"code":-1}})");
  CHECK(error.error_text() == "{\"code\":-1}");
}

TEST_CASE("of duplicate members the last one counts") {
  const auto view = parse(
      R"({"jsonrpc":"1.0","method":"a","id":[],"params":1,"params":[2],"id":2,"method":"b","jsonrpc":"2.0"})");
  REQUIRE(view.kind() == message_kind::request);
  CHECK(view.method_text() == "b");
  CHECK(view.id_text() == "2");
  CHECK(view.params_text() == "[2]");
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","id":1,"id":true})").kind() == message_kind::invalid);
}

TEST_CASE("escapes in member names are honoured, and no others are taken for them") {
  const auto view = parse(
      R"({"\u006asonrpc":"\u0032.0","m\u0065thod":"a","\u0069\u0064":1,"\u0070\u0061\u0072\u0061\u006d\u0073":[3]})");
  REQUIRE(view.kind() == message_kind::request);
  CHECK(view.id_text() == "1");
  CHECK(view.params_text() == "[3]");
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","id\u0000":1})").kind() == message_kind::notification);
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","\\u0069d":1})").kind() == message_kind::notification);
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","i":1,"idd":2,"":3})").kind() == message_kind::notification);
}

TEST_CASE("a method's name comes without its escapes when it is asked for") {
  const auto plain = parse(R"({"jsonrpc":"2.0","method":"textDocument/hover"})");
  CHECK(plain.method_text() == "textDocument/hover");
  CHECK_FALSE(plain.method_has_escapes());
  CHECK(plain.method() == "textDocument/hover");
  const auto escaped = parse(R"({"jsonrpc":"2.0","method":"$\/a\u0000\u00e9\ud83d\ude00\n"})");
  CHECK(escaped.method_has_escapes());
  CHECK(escaped.method() == std::string("$/a\0\xC3\xA9\xF0\x9F\x98\x80\n", 11));
}

TEST_CASE("ids of every kind come back exactly") {
  for (const char* id : {"0", "-0", "1", "-9223372036854775808", "18446744073709551615", "1.5", "1e2", "\"\"",
                         "\"1\"", "\"\\u0000\"", "\"\\\"\\\\\"", "\"\xF0\x9F\x98\x80\"", "null"}) {
    CAPTURE(id);
    const auto view = parse("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":" + std::string(id) + "}");
    CHECK(view.kind() == message_kind::request);
  }
  const std::string text = R"({"jsonrpc":"2.0","method":"a","id":18446744073709551615})";
  CHECK(parse(text).id_text() == "18446744073709551615");
}

TEST_CASE("the id limit is inclusive; beyond it the id is none") {
  const limits bounds{.id_bytes = 10};
  const std::string fits = R"({"jsonrpc":"2.0","method":"a","id":"12345678"})";
  CHECK(parse(fits, bounds).id_text() == "\"12345678\"");
  const std::string exceeds = R"({"jsonrpc":"2.0","method":"a","id":"123456789"})";
  const auto view = parse(exceeds, bounds);
  CHECK(view.kind() == message_kind::invalid);
  CHECK(view.problem() == "The member \"id\" is too long.");
  CHECK_FALSE(view.has_id());
  CHECK(view.wants_answer());
}

TEST_CASE("an id or a method that could not be sent back is invalid, though no payload is checked") {
  for (const char* id : {"01", "1x", "-", "1e400", "nul", "\"\x01\"", "\"\\x\"", "\"\\ud800\"", "\"\xFF\""}) {
    CAPTURE(id);
    const std::string text = "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":" + std::string(id) + "}";
    CHECK(parse(text).kind() == message_kind::invalid);
    CHECK_FALSE(parse(text).has_id());
  }
  CHECK(parse("{\"jsonrpc\":\"2.0\",\"method\":\"\xFF\"}").kind() == message_kind::invalid);
  CHECK(parse("{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"params\":[\"\xFF\", 01]}").kind() ==
        message_kind::notification);
}

TEST_CASE("every beginning of a message is invalid and every one of its bytes may be broken") {
  const std::string text =
      R"({"jsonrpc":"2.0","id":"\u0031\"","method":"a\\","params":{"b":["]","\"}",{}]},"x":-1.5})";
  REQUIRE(parse(text).kind() == message_kind::request);
  for (std::size_t size = 0; size < text.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a look beyond the end.
    const std::string beginning = text.substr(0, size);
    CHECK(parse(beginning).kind() == message_kind::invalid);
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string broken = text;
      broken[at] = static_cast<char>(byte);
      const auto view = parse(broken);
      // A look at everything that a router would look at.
      CHECK(view.method().size() <= text.size());
      CHECK(view.id().json().size() <= text.size());
    }
  }
}

TEST_CASE("what follows the object, or stands between members, makes it invalid") {
  for (const char* text : {R"({"jsonrpc":"2.0","method":"a"}x)", R"({"jsonrpc":"2.0","method":"a"}{})",
                           R"({"jsonrpc":"2.0","method":"a",})", R"({"jsonrpc":"2.0" "method":"a"})",
                           R"({"jsonrpc" "2.0","method":"a"})", R"({jsonrpc:"2.0","method":"a"})",
                           R"({,"jsonrpc":"2.0","method":"a"})", R"({"jsonrpc":,"method":"a"})",
                           R"({"jsonrpc":"2.0","method":"a"]})"}) {
    CAPTURE(text);
    CHECK(parse(text).kind() == message_kind::invalid);
  }
}

TEST_CASE("nesting of a million brackets is skipped like any value") {
  const std::string open(1'000'000, '[');
  const std::string close(1'000'000, ']');
  const std::string whole = R"({"jsonrpc":"2.0","method":"a","params":)" + open + close + "}";
  CHECK(parse(whole).kind() == message_kind::notification);
  CHECK(parse(R"({"jsonrpc":"2.0","method":"a","params":)" + open).kind() == message_kind::invalid);
}

TEST_CASE("a view can be moved along with its text") {
  const std::string text = R"({"jsonrpc":"2.0","id":"x","method":"","params":[1]})";
  auto view = parse(text);
  const std::string copy = text;
  view.rebase(text.data(), copy.data());
  CHECK(view.id_text() == "\"x\"");
  CHECK(view.id_text().data() == copy.data() + 22);
  CHECK(view.params_text() == "[1]");
  CHECK(view.params_text().data() == copy.data() + copy.find("[1]"));
  CHECK(view.method_text().data() == copy.data() + copy.find("\"\"") + 1);
  CHECK(view.result_text().empty());
}
