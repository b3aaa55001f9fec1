#include <antiphon/streaming/validate.hpp>

#include <doctest/doctest.h>

#include <string>

using antiphon::errc;
using antiphon::error_code;

namespace {

error_code check(std::string_view text, std::size_t depth = 100) {
  // A copy of exactly its size, so that a sanitizer sees a look beyond the end.
  const std::string copy(text);
  return antiphon::validate(std::string_view(copy.data(), copy.size()), depth);
}

std::size_t offset_of_error(std::string_view text, std::size_t depth = 100) {
  std::size_t offset = 12345;
  CHECK(antiphon::validate(text, depth, &offset));
  return offset;
}

std::string nested(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

std::string in_string(std::string_view content) { return "\"" + std::string(content) + "\""; }

}  // namespace

TEST_CASE("every form of RFC 8259 is accepted") {
  for (const char* text : {"{}",
                           "[]",
                           "null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "10",
                           "-1.5",
                           "1e5",
                           "1E+5",
                           "1.25e-5",
                           "\"\"",
                           "\"a\"",
                           " \t\r\n[ 1 , 2 ] \n",
                           "{\"a\":1,\"b\":{\"c\":[]},\"\":[[],{},\"\"]}",
                           "[[[]],[{}]]",
                           "{ \"a\" : [ ] }",
                           "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"",
                           "\"\x7F\"",
                           "{\"a\":1,\"a\":2}"}) {
    CAPTURE(text);
    CHECK_FALSE(check(text));
  }
}

TEST_CASE("what RFC 8259 doesn't know is refused") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[,]",
                           "[1 2]",
                           "[1:2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{,}",
                           "{\"a\":1 \"b\":2}",
                           "{a:1}",
                           "{1:2}",
                           "{'a':1}",
                           "{\"a\":1]",
                           "[1}",
                           "[}",
                           "{]",
                           "nul",
                           "nulll",
                           "True",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "-",
                           "+1",
                           "01",
                           "-01",
                           "1.",
                           ".5",
                           "1.e5",
                           "1e",
                           "1e+",
                           "0x10",
                           "1a",
                           "--1",
                           "1-",
                           "1 2",
                           "{}{}",
                           "[]]",
                           "\"",
                           "\"a",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"\\U0041\"",
                           "'a'",
                           "\"a\nb\"",
                           "\"\t\"",
                           "// c\n1",
                           "[1]//",
                           "/**/1",
                           "\xEF\xBB\xBF{}",
                           "[\v]",
                           "\xC2\xA0[]",
                           ",",
                           ":",
                           "\"a\":1",
                           "[\"a\",\n4\n,1,"}) {
    CAPTURE(text);
    CHECK(check(text) == errc::invalid_json);
  }
}

TEST_CASE("a NUL is a byte like any other: refused around values and in strings") {
  CHECK(check(std::string_view("1\0", 2)) == errc::invalid_json);
  CHECK(check(std::string_view("\0", 1)) == errc::invalid_json);
  CHECK(check(std::string_view("[1\0]", 4)) == errc::invalid_json);
  CHECK(check(std::string_view("\"a\0b\"", 5)) == errc::invalid_json);
  CHECK_FALSE(check("\"a\\u0000b\""));
}

TEST_CASE(
    "every control character in a string is refused, and every other ASCII one but quote and backslash "
    "accepted") {
  for (int c = 0; c < 128; ++c) {
    CAPTURE(c);
    const bool fine = c >= 0x20 && c != '"' && c != '\\';
    CHECK(!check(in_string(std::string(1, static_cast<char>(c)))) == fine);
  }
}

TEST_CASE("strings are strict UTF-8, in every length of sequence") {
  for (const char* good :
       {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE1\x80\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF1\x80\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CAPTURE(good);
    CHECK_FALSE(check(in_string(good)));
    CHECK_FALSE(check("{" + in_string(good) + ":1}"));
  }
  for (const char* bad : {"\x80",
                          "\xBF",
                          "\xC0\x80",
                          "\xC1\xBF",
                          "\xC2",
                          "\xC2\x7F",
                          "\xC2\xC0",
                          "\xE0\x80\x80",
                          "\xE0\x9F\xBF",
                          "\xE1\x80",
                          "\xE1\x80\xC0",
                          "\xED\xA0\x80",
                          "\xED\xBF\xBF",
                          "\xEF\xBF",
                          "\xF0\x80\x80\x80",
                          "\xF0\x8F\xBF\xBF",
                          "\xF0\x90\x80",
                          "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80",
                          "\xF8\x88\x80\x80\x80",
                          "\xFE",
                          "\xFF",
                          "a\xE9z"}) {
    CAPTURE(bad);
    CHECK(check(in_string(bad)) == errc::invalid_utf8);
    CHECK(check("\"" + std::string(bad)) == errc::invalid_utf8);
    CHECK(check("{" + in_string(bad) + ":1}") == errc::invalid_utf8);
  }
}

TEST_CASE("halves of surrogate pairs are refused, whole pairs accepted") {
  for (const char* good : {"\\ud800\\udc00", "\\uDBFF\\uDFFF", "\\ud7ff\\ue000", "\\\\ud800"}) {
    CAPTURE(good);
    CHECK_FALSE(check(in_string(good)));
  }
  for (const char* bad : {"\\ud800", "\\udc00", "\\ud800\\ud800", "\\udc00\\ud800", "\\ud800x", "\\ud800\\n",
                          "\\udbff\\u0041", "\\ud800\\udc0", "\\ud800\\", "\\ud800\\u"}) {
    CAPTURE(bad);
    CHECK(check(in_string(bad)) == errc::invalid_json);
  }
}

TEST_CASE("depth is bounded, inclusive, and has an error of its own") {
  CHECK_FALSE(check("1", 0));
  CHECK(check("[]", 0) == errc::nesting_too_deep);
  CHECK_FALSE(check("[]", 1));
  CHECK_FALSE(check("{\"a\":[{\"b\":[]}]}", 4));
  CHECK(check("{\"a\":[{\"b\":[]}]}", 3) == errc::nesting_too_deep);
  for (const std::size_t depth :
       {std::size_t(63), std::size_t(64), std::size_t(65), std::size_t(256), std::size_t(1024)}) {
    CAPTURE(depth);
    CHECK_FALSE(check(nested(depth), depth));
    CHECK(check(nested(depth + 1), depth) == errc::nesting_too_deep);
  }
  // Breadth isn't depth.
  std::string wide = "[";
  for (int i = 0; i < 10'000; ++i) wide += "{},";
  CHECK_FALSE(check(wide + "[]]", 2));
}

TEST_CASE("a depth limit above 1024 means 1024") {
  CHECK_FALSE(check(nested(1024), 1'000'000));
  CHECK(check(nested(1025), 1'000'000) == errc::nesting_too_deep);
}

TEST_CASE("brackets are matched at every depth, whichever kind they are") {
  std::string open, close;
  for (int i = 0; i < 300; ++i) {
    const bool object = (i * 7 + i / 64) % 3 == 0;
    open += object ? "{\"a\":" : "[";
    close.insert(0, object ? "}" : "]");
  }
  const std::string good = open + "1" + close;
  REQUIRE_FALSE(check(good, 300));
  for (std::size_t at = 0; at < close.size(); ++at) {
    std::string bad = good;
    char& bracket = bad[open.size() + 1 + at];
    bracket = bracket == '}' ? ']' : '}';
    CHECK(check(bad, 300) == errc::invalid_json);
  }
}

TEST_CASE("a million open brackets and sixteen MiB of them are refused like any other") {
  CHECK(check(std::string(1'000'000, '['), 256) == errc::nesting_too_deep);
  CHECK(check(std::string(16 * 1024 * 1024, '['), 1024) == errc::nesting_too_deep);
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"\":";
  CHECK(check(objects, 1024) == errc::nesting_too_deep);
}

TEST_CASE("numbers that a double can't hold are refused, those it can only round or lose are not") {
  // The largest double, in full.
  const std::string max =
      "1797693134862315708145274237317043567980705675258449965989174768031572607800285387605895586327668781"
      "7154045895351438246423432132688946418276846754670353751698604991057655128207624549009038932894407586"
      "8508455133942304583236903222948165808559332123348274797826204144723168738177180919299881250404026184"
      "124858368";
  for (const std::string& text :
       {std::string("1e308"), std::string("1.7976931348623157e308"), std::string("-1.7976931348623157E+308"),
        max, "-" + max, "1" + std::string(308, '0'), "0." + std::string(400, '0') + "1e708",
        std::string("1e-400"), std::string("123.456e-789"), std::string("0e99999999999999999999"),
        std::string("0.000e400"), std::string("-0e400"), std::string("1e-99999999999999999999"),
        "1" + std::string(400, '0') + "e-100", std::string("1.7976931348623158079e308"),
        std::string("18446744073709551616"), std::string(400, '1') + "e-92"}) {
    CAPTURE(text);
    CHECK_FALSE(check(text));
  }
  for (const std::string& text :
       {std::string("1e309"), std::string("-1e309"), std::string("1.8e308"),
        std::string("1.797693134862315808e308"), "1" + std::string(309, '0'), "-2" + std::string(308, '0'),
        "0." + std::string(400, '0') + "1e710", std::string("1e99999999999999999999"), std::string("0.1e310"),
        std::string(400, '1') + "e-90", "[" + max.substr(0, 20) + "9" + max.substr(20) + "]"}) {
    CAPTURE(text);
    CHECK(check(text) == errc::number_out_of_range);
  }
}

TEST_CASE("the offset is that of the first byte that doesn't fit") {
  CHECK(offset_of_error("") == 0);
  CHECK(offset_of_error("[1,x]") == 3);
  CHECK(offset_of_error("{\"a\" 1}") == 5);
  CHECK(offset_of_error("[1] 2") == 4);
  CHECK(offset_of_error("[1") == 2);
  CHECK(offset_of_error("nulx") == 3);
  CHECK(offset_of_error("[[[", 2) == 2);
  CHECK(offset_of_error("\"ab\xFF\"") == 3);
  CHECK(offset_of_error("\"a\x01\"") == 2);
  CHECK(offset_of_error("[0, 1e999]") == 4);
  std::size_t untouched = 7;
  CHECK_FALSE(antiphon::validate("1", 1, &untouched));
  CHECK(untouched == 7);
}

TEST_CASE("no beginning of a container or string is a value") {
  const std::string text = R"({"a":[1,-2.5e3,true,null,"\u00e9\ud83d\ude00)"
                           "\xE2\x82\xAC"
                           R"("],"b":{}})";
  REQUIRE_FALSE(check(text));
  for (std::size_t size = 0; size < text.size(); ++size) CHECK(check(text.substr(0, size)));
}
