#include "tests/unit/streaming/codec.hpp"

using antiphon::errc;
using codec::decoded;
using codec::refused;

namespace {

std::string in_quotes(std::string_view inside) { return '"' + std::string(inside) + '"'; }

}  // namespace

TEST_CASE("a string is its content with every escape resolved") {
  CHECK(decoded<std::string>("\"\"").empty());
  CHECK(decoded<std::string>(" \"plain\"\t") == "plain");
  CHECK(decoded<std::string>(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(decoded<std::string>(R"("\u0061\u00e9\u20AC\uFFFF")") == "a\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBF");
  CHECK(decoded<std::string>(R"("\u007f\u0080\u07ff\u0800\ud7ff\ue000")") ==
        "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80");
  CHECK(decoded<std::string>(R"("\\u0061")") == "\\u0061");
  CHECK(decoded<std::string>("\"a\xC3\xA9\xF0\x9F\x98\x80\"") == "a\xC3\xA9\xF0\x9F\x98\x80");
}

TEST_CASE("a surrogate pair is one character, half of one is refused") {
  CHECK(decoded<std::string>(R"("\ud83d\ude00")") == "\xF0\x9F\x98\x80");
  CHECK(decoded<std::string>(R"("\uD800\uDC00\uDBFF\uDFFF")") == "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
  for (const char* inside : {R"(\ud83d)", R"(\ud83dx)", R"(\ud83d\n)", R"(\ud83d\u0041)", R"(\ud83d\ud83d)",
                             R"(\ude00)", R"(\ude00\ud83d)", R"(\ud83d\)", R"(\ud83d\u)", R"(\ud83d\ude0)"}) {
    CHECK(refused<std::string>(in_quotes(inside)).code == errc::invalid_json);
    CHECK(refused<boost::json::value>(in_quotes(inside)).code == errc::invalid_json);
  }
}

TEST_CASE("NUL in a string is data") {
  CHECK(decoded<std::string>(R"("a\u0000b")") == std::string("a\0b", 3));
  CHECK(decoded<boost::json::value>(R"("a\u0000b")").as_string() == boost::json::string_view("a\0b", 3));
  using map = std::map<std::string, int>;
  CHECK(decoded<map>(R"({"a\u0000b":1,"a":2})") == map{{std::string("a\0b", 3), 1}, {"a", 2}});
}

TEST_CASE("malformed escapes are refused") {
  for (const char* inside :
       {R"(\x41)", R"(\u12)", R"(\u12g4)", R"(\u 123)", R"(\U0041)", R"(\')", R"(\0)", "\\\n"}) {
    CHECK(refused<std::string>(in_quotes(inside)).code == errc::invalid_json);
    CHECK(refused<boost::json::value>(in_quotes(inside)).code == errc::invalid_json);
  }
}

TEST_CASE("a string without an end is refused") {
  for (const char* text : {"\"", "\"abc", "\"abc\\\"", "\"abc\\"}) {
    CHECK(refused<std::string>(text).code == errc::invalid_json);
    CHECK(refused<std::string_view>(text).code == errc::invalid_json);
    refused<boost::json::value>(text);
    refused<antiphon::raw_json>(text);
  }
}

TEST_CASE("control characters and bytes that are no UTF-8 don't pass for content") {
  for (const char c : {'\0', '\x01', '\n', '\r', '\t', '\x1f'}) {
    const auto text = in_quotes(std::string("ab") + c);
    CHECK(refused<std::string>(text).code == errc::invalid_json);
    CHECK(refused<std::string_view>(text).code == errc::invalid_json);
    CHECK(refused<boost::json::value>(text).code == errc::invalid_json);
  }
  CHECK(decoded<std::string>("\"\x7F\"") == "\x7F");
  for (const char* inside :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xE0\x80\xAF", "\xE2\x82", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\\n\xC3"}) {
    CHECK(refused<std::string>(in_quotes(inside)).code == errc::invalid_utf8);
    CHECK(refused<boost::json::value>(in_quotes(inside)).code == errc::invalid_utf8);
  }
}

TEST_CASE("a string_view lies in the text and refuses escapes") {
  const std::string text = "\"caf\xC3\xA9\"";
  const auto view = decoded<std::string_view>(text);
  CHECK(view == "caf\xC3\xA9");
  CHECK(view.data() == text.data() + 1);
  CHECK(refused<std::string_view>(R"("a\n")").code == errc::wrong_type);
  CHECK(refused<std::string_view>("5").message == "expected a string, found a number");
}

TEST_CASE("what is no string is refused as one") {
  for (const char* text : {"1", "null", "true", "[\"a\"]", "{}", "'a'"}) refused<std::string>(text);
  CHECK(refused<std::string>("null").code == errc::wrong_type);
  CHECK(refused<std::string>("null").message == "expected a string, found null");
}

TEST_CASE("views of earlier strings outlive later ones") {
  using views = std::vector<std::string_view>;
  CHECK(decoded<views>(R"(["one","two","three"])") == views{"one", "two", "three"});
  using pairs = std::map<std::string, std::string>;
  CHECK(decoded<pairs>(R"({"\u0061":"\u0062","\u0063":"\u0064"})") == pairs{{"a", "b"}, {"c", "d"}});
}

TEST_CASE("text after the value is refused") {
  CHECK(refused<std::string>("\"a\" \"b\"").code == errc::invalid_json);
  CHECK(refused<int>("1]").code == errc::invalid_json);
  CHECK(refused<int>(std::string_view("1\0", 2)).code == errc::invalid_json);
  CHECK(decoded<int>("\r\n\t 1 \r\n\t") == 1);
}
