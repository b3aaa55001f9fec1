#include <antiphon/streaming/validate.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <string>

// docs/decisions/0002-validator-differences.md lists where the two may differ and why.

using antiphon::errc;
using antiphon::validate;

namespace {

constexpr std::size_t depth = 32;

bool has_infinity(const boost::json::value& value) {
  if (const auto* number = value.if_double()) return std::isinf(*number);
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array)
      if (has_infinity(element)) return true;
  }
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object)
      if (has_infinity(member.value())) return true;
  }
  return false;
}

// Empty when both say the same or differ as documented.
std::string difference(std::string_view text) {
  boost::json::parse_options strict;
  strict.max_depth = depth;
  boost::system::error_code theirs;
  const auto value = boost::json::parse(text, theirs, {}, strict);
  const auto ours = validate(text, depth);
  if (!ours == !theirs) {
    if (!ours && has_infinity(value)) return "accepted what became an infinity";
    const bool same_reason = (ours == errc::nesting_too_deep) == (theirs == boost::json::error::too_deep);
    return same_reason ? "" : "refused for another reason";
  }
  if (ours)
    return ours == errc::number_out_of_range && has_infinity(value) ? "" : "refused alone: " + ours.message();
  return theirs == boost::json::error::exponent_overflow ? "" : "accepted alone: " + theirs.message();
}

const std::string_view seeds[] = {
    R"({"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{"position":{"line":3,"character":14}}})",
    R"([{"a":null},{"b":[true,false,[],{}]},"\u00e9\ud83d\ude00\n\\\"",-0.5e-3,1E+20,0])",
    "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"\\/\\b\\f\\r\\t\"]",
    R"([1.7976931348623157e308,1e308,4.9e-324,123456789012345678901234567890,-9223372036854775808])",
    R"([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]])",
    " { \"a\" : [ 1 , 2 ] }\r\n\t",
    "\"\"",
    "0",
};

const std::string_view tokens[] = {"{",
                                   "}",
                                   "[",
                                   "]",
                                   ",",
                                   ":",
                                   "\"",
                                   "\\",
                                   "\\u",
                                   "\\ud8",
                                   "\\udc00",
                                   "\\ud800",
                                   "\\ud83d\\ude00",
                                   "e308",
                                   "e309",
                                   "e-400",
                                   "e",
                                   "E+",
                                   "-",
                                   ".",
                                   "0",
                                   "9",
                                   "00000000",
                                   "null",
                                   "tru",
                                   "false",
                                   " ",
                                   "\n",
                                   "\xEF\xBB\xBF",
                                   "\xED\xA0\x80",
                                   "\xC0\x80",
                                   "\xF4\x90\x80\x80",
                                   "\xE2\x82",
                                   "\x7F",
                                   "\x1F",
                                   "//",
                                   "/*",
                                   "NaN",
                                   "1e99999999999"};

std::string mutated(std::mt19937& random) {
  std::string text(seeds[random() % std::size(seeds)]);
  for (auto edits = random() % 4; edits > 0; --edits) {
    const std::size_t at = random() % (text.size() + 1);
    switch (random() % 6) {
      case 0: text.insert(at, tokens[random() % std::size(tokens)]); break;
      case 1: text.insert(at, 1, static_cast<char>(random() % 256)); break;
      case 2: text.erase(at, 1 + random() % 3); break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(random() % 256);
        break;
      case 4: text.insert(at, text.substr(random() % (text.size() + 1), random() % 20)); break;
      default: text.resize(at);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("the validator and Boost.JSON agree on mutations of valid documents") {
  std::mt19937 random(8259);
  int valid = 0;
  for (int round = 0; round < 300'000; ++round) {
    const std::string text = mutated(random);
    const std::string differs = difference(text);
    if (!differs.empty()) {
      CAPTURE(text);
      CAPTURE(differs);
      FAIL_CHECK("verdicts differ");
    }
    if (!validate(text, depth)) ++valid;
  }
  // Both verdicts must have come up often, or nothing was compared.
  CHECK(valid > 50'000);
  CHECK(valid < 250'000);
}

TEST_CASE("the validator and Boost.JSON agree on every string of up to two bytes between quotes") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{'"', static_cast<char>(first), static_cast<char>(second), '"'};
      CAPTURE(first);
      CAPTURE(second);
      REQUIRE(difference(text) == "");
    }
  }
}

TEST_CASE("the validator and Boost.JSON agree on every short text of the grammar's characters") {
  constexpr std::string_view alphabet = "{}[]:,\"\\ 0-.eEtn1";
  std::string text;
  const auto all = [&](const auto& self, int more) -> void {
    CAPTURE(text);
    REQUIRE(difference(text) == "");
    if (more == 0) return;
    for (const char c : alphabet) {
      text += c;
      self(self, more - 1);
      text.pop_back();
    }
  };
  all(all, 4);
}
