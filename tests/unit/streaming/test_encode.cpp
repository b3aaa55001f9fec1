#include "tests/unit/streaming/codec.hpp"

#include <antiphon/streaming/validate.hpp>

#include <cmath>
#include <limits>

using antiphon::errc;
using codec::encoded;

namespace {

template <class T>
antiphon::error_code encode_error(const T& value) {
  try {
    encoded(value);
    return {};
  } catch (const boost::system::system_error& error) {
    return error.code();
  }
}

}  // namespace

TEST_CASE("scalars are written as JSON has them") {
  CHECK(encoded(true) == "true");
  CHECK(encoded(false) == "false");
  CHECK(encoded(nullptr) == "null");
  CHECK(encoded(std::monostate()) == "null");
  CHECK(encoded(0) == "0");
  CHECK(encoded(std::int8_t{-128}) == "-128");
  CHECK(encoded(std::uint8_t{255}) == "255");
  CHECK(encoded(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(encoded(std::numeric_limits<std::int64_t>::max()) == "9223372036854775807");
  CHECK(encoded(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("floating-point numbers are written in their shortest form") {
  CHECK(encoded(0.1) == "0.1");
  CHECK(encoded(-0.0) == "-0");
  CHECK(encoded(1.0) == "1");
  CHECK(encoded(1e22) == "1e+22");
  CHECK(encoded(123456.789) == "123456.789");
  CHECK(encoded(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(encoded(std::numeric_limits<double>::denorm_min()) == "5e-324");
  CHECK(encoded(0.1f) == "0.1");
  CHECK(encoded(16777216.0f) == "16777216");
  CHECK(encoded(std::numeric_limits<float>::max()) == "3.4028235e+38");
  CHECK(encoded(0.5L) == "0.5");
}

TEST_CASE("NaN and infinity are errors, wherever they stand") {
  for (const double value : {std::nan(""), -std::nan(""), std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()}) {
    CHECK(encode_error(value) == errc::not_encodable);
    CHECK(encode_error(static_cast<float>(value)) == errc::not_encodable);
    CHECK(encode_error(static_cast<long double>(value)) == errc::not_encodable);
    CHECK(encode_error(std::vector<double>{1, value}) == errc::not_encodable);
    CHECK(encode_error(std::optional<double>(value)) == errc::not_encodable);
    CHECK(encode_error(boost::json::value{1, {{"a", value}}}) == errc::not_encodable);
    CHECK(encode_error(codec::celsius{value}) == errc::not_encodable);
  }
  CHECK(encode_error(std::numeric_limits<long double>::max()) == errc::not_encodable);
}

TEST_CASE("strings are quoted, and what must be escaped is") {
  CHECK(encoded("literal") == "\"literal\"");
  CHECK(encoded(std::string()) == "\"\"");
  CHECK(encoded(std::string_view()) == "\"\"");
  CHECK(encoded(std::string("\"\\/\b\f\n\r\t")) == R"("\"\\/\b\f\n\r\t")");
  CHECK(encoded(std::string("a\0b\x01\x1f\x7f", 6)) == "\"a\\u0000b\\u0001\\u001f\x7f\"");
  CHECK(encoded(std::string("\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8")) ==
        "\"\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8\"");
  CHECK(encoded(boost::json::string("a\n")) == R"("a\n")");
  for (int c = 0; c < 0x80; ++c) {
    const std::string content(1, static_cast<char>(c));
    const auto text = encoded("x" + content + content + "y");
    CHECK_FALSE(antiphon::validate(text, 0));
    CHECK(codec::decoded<std::string>(text) == "x" + content + content + "y");
  }
}

TEST_CASE("what is no UTF-8 is an error, as a value and as a name") {
  for (const char* bad : {"\x80", "a\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xFF", "\xE2\x82\"", "\xC3\n"}) {
    CHECK(encode_error(std::string(bad)) == errc::not_encodable);
    CHECK(encode_error(std::map<std::string, int>{{bad, 1}}) == errc::not_encodable);
    CHECK(encode_error(boost::json::value(bad)) == errc::not_encodable);
    CHECK(encode_error(boost::json::value{{bad, 1}}) == errc::not_encodable);
  }
}

TEST_CASE("containers are written without blanks, the empty ones too") {
  CHECK(encoded(std::vector<int>()) == "[]");
  CHECK(encoded(std::vector<int>{1, 2, 3}) == "[1,2,3]");
  CHECK(encoded(std::vector<bool>{true, false}) == "[true,false]");
  CHECK(encoded(std::vector<std::vector<int>>{{}, {1}}) == "[[],[1]]");
  CHECK(encoded(std::array<int, 2>{1, 2}) == "[1,2]");
  CHECK(encoded(std::array<int, 0>()) == "[]");
  CHECK(encoded(std::pair(1, std::string("a"))) == R"([1,"a"])");
  CHECK(encoded(std::tuple(1, true, std::optional<int>())) == "[1,true,null]");
  CHECK(encoded(std::tuple<>()) == "[]");
  CHECK(encoded(std::map<std::string, int>()) == "{}");
  CHECK(encoded(std::map<std::string, int>{{"a\"", 1}, {"b", 2}}) == R"({"a\"":1,"b":2})");
  CHECK(encoded(std::unordered_map<std::string, int>{{"a", 1}}) == R"({"a":1})");
}

TEST_CASE("an empty optional is left out of a struct and null elsewhere") {
  CHECK(encoded(std::optional<int>()) == "null");
  CHECK(encoded(std::optional<int>(1)) == "1");
  CHECK(encoded(std::unique_ptr<int>()) == "null");
  CHECK(encoded(std::vector<std::optional<int>>{1, std::nullopt}) == "[1,null]");
  CHECK(encoded(codec::hover{"c", std::nullopt}) == R"({"contents":"c"})");
  CHECK(encoded(codec::hover{"c", codec::range{{1, 2}, {3, 4}}}) ==
        R"({"contents":"c","range":{"start":{"line":1,"character":2},"end":{"line":3,"character":4}}})");
  codec::chain list{1, std::make_unique<codec::chain>()};
  CHECK(encoded(list) == R"({"value":1,"next":{"value":0}})");
}

TEST_CASE("structs, enums and variants are the mirror image of what decode takes") {
  codec::located place;
  place.line = 1;
  place.uri = "u";
  CHECK(encoded(place) == R"({"line":1,"character":0,"uri":"u"})");
  CHECK(encoded(codec::nothing()) == "{}");
  CHECK(encoded(codec::colour::green) == "\"green\"");
  CHECK(encoded(codec::severity::hint) == "4");
  CHECK(encode_error(codec::colour{99}) == errc::not_encodable);
  using either = std::variant<std::monostate, int, std::string>;
  CHECK(encoded(std::vector<either>{either(), either(1), either("a")}) == R"([null,1,"a"])");
  CHECK(encoded(codec::celsius{21.5}) == R"({"degrees":21.5})");
  CHECK(encoded(codec::tree{"a", {{"b", {}}, {"c", {}}}}) ==
        R"({"name":"a","children":[{"name":"b","children":[]},{"name":"c","children":[]}]})");
}

TEST_CASE("a DOM is written as it is, however deep") {
  const char* text = R"({"a":[1,-2,3.5,"x\n",true,false,null,{},[]],"":18446744073709551615})";
  CHECK(encoded(boost::json::parse(text)) == text);
  CHECK(encoded(boost::json::parse(text).as_object()) == text);
  for (const char* number : {"1", "1.0", "-3.0", "-0.0", "0.0", "0.5", "1e+22", "1e+05"})
    CHECK(encoded(boost::json::parse(number)) == number);
  CHECK(encoded(boost::json::array{1, "a"}) == R"([1,"a"])");
  CHECK(encoded(boost::json::array()) == "[]");
  CHECK(encoded(boost::json::object()) == "{}");
  CHECK(encoded(boost::json::value()) == "null");
  boost::json::value deep;
  for (int i = 0; i < 5'000; ++i) deep = boost::json::array{std::move(deep)};
  CHECK(encoded(deep) == std::string(5'000, '[') + "null" + std::string(5'000, ']'));
}

TEST_CASE("no text that encode writes has a line break") {
  codec::everything value;
  value.text = "a\nb\r\n";
  value.sorted["\n"] = {1};
  value.dom = {{"\n", "\n\n"}, {"list", {1, "\n"}}};
  const auto text = encoded(value);
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
  CHECK(codec::decoded<codec::everything>(text) == value);
}
