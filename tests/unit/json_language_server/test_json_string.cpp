#include "json_string.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using json_ls::decode_string;
using json_ls::escape_controls;
using json_ls::problem;
using json_ls::problem_list;
using json_ls::scan_string;

namespace {

struct scanned {
  std::size_t end = 0;
  std::vector<problem> problems;
};

scanned scan(std::string_view text) {
  problem_list found;
  scanned result;
  result.end = scan_string(text, 0, found);
  result.problems = found.take_sorted();
  return result;
}

}  // namespace

TEST_CASE("a string ends after its closing quote, not at an escaped one") {
  const auto result = scan(R"("a\"b\\" tail)");
  CHECK(result.end == 8);
  CHECK(result.problems.empty());
}

TEST_CASE("a string without a closing quote ends with its line") {
  for (const std::string_view text : {"\"abc\ndef\"", "\"abc\r\ndef\"", "\"abc", "\"ab\\\n\""}) {
    CAPTURE(text);
    const auto result = scan(text);
    CHECK(result.end == 4);
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].reason == "unterminated string");
    CHECK(result.problems[0].where == json_ls::byte_range{0, 4});
  }
}

TEST_CASE("each wrong escape is reported where it stands, whole characters only") {
  const auto result = scan("\"\\x \\\U0001D11E \\u12G4 \\u\"");
  CHECK(result.end == 20);
  REQUIRE(result.problems.size() == 4);
  CHECK(result.problems[0].where == json_ls::byte_range{1, 3});
  CHECK(result.problems[1].where == json_ls::byte_range{4, 9});
  CHECK(result.problems[2].where == json_ls::byte_range{10, 12});
  CHECK(result.problems[2].reason == "invalid escape: \\u takes four hexadecimal digits");
  CHECK(result.problems[3].where == json_ls::byte_range{17, 19});
}

TEST_CASE("a control character in a string is reported with the way to write it") {
  const auto result = scan(std::string("\"a\tb\0c\"", 7));
  REQUIRE(result.problems.size() == 2);
  CHECK(result.problems[0].where == json_ls::byte_range{2, 3});
  CHECK(result.problems[0].reason == "control character in a string: write it as \\t");
  CHECK(result.problems[1].reason == "control character in a string: write it as \\u0000");
}

TEST_CASE("an unpaired surrogate is a warning, a pair is not") {
  const auto lone = scan(R"("\ud834 \udd1e")");
  REQUIRE(lone.problems.size() == 2);
  CHECK(lone.problems[0].level == problem::severity::warning);
  CHECK(scan(R"("\ud834\udd1e")").problems.empty());
}

TEST_CASE("a literal is decoded to what it stands for") {
  CHECK(decode_string(R"("plain")") == "plain");
  CHECK(decode_string(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(decode_string(R"("\u0041\u00e9\u20AC")") == "A\u00e9\u20ac");
  CHECK(decode_string(R"("\ud834\udd1e")") == "\U0001D11E");
  CHECK(decode_string(R"("\u0000")") == std::string(1, '\0'));
  CHECK(decode_string(R"("\ud834x")") == "\ufffdx");
}

TEST_CASE("a malformed literal is decoded as far as it goes") {
  CHECK(decode_string("") == "");
  CHECK(decode_string("\"") == "");
  CHECK(decode_string("\"ab") == "ab");
  CHECK(decode_string("'ab'") == "ab");
  CHECK(decode_string("\"a\\") == "a\\");
  CHECK(decode_string("\"a\\u12") == "a\\u12");
  CHECK(decode_string("\"a\\q") == "a\\q");
}

TEST_CASE("control characters are shown as escapes") {
  CHECK(escape_controls("a\nb\tc\x01\u00e9") == "a\\nb\\tc\\u0001\u00e9");
}
