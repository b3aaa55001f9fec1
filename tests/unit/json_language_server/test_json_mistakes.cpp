#include "json_tree.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

using json_ls::parse_json;
using json_ls::problem;

namespace {

struct row {
  std::string_view text;
  std::vector<std::string_view> problems;  // "begin-end reason"
};

std::vector<std::string> mistakes_in(std::string_view text) {
  std::vector<std::string> found;
  for (const problem& mistake : parse_json(text).problems) {
    found.push_back(fmt::format("{}-{} {}", mistake.where.begin, mistake.where.end, mistake.reason));
  }
  return found;
}

const std::vector<row> mistakes = {
    {"", {"0-0 unexpected end of file: expected a value"}},
    {" \n ", {"3-3 unexpected end of file: expected a value"}},
    {"}", {"0-1 '}' closes nothing", "1-1 unexpected end of file: expected a value"}},
    {"[", {"1-1 unexpected end of file: expected a value or ']' (the '[' of line 1 is still open)"}},
    {"\n{\"a\": 1",
     {"8-8 unexpected end of file: expected ',' or '}' after a member (the '{' of line 2 is still open)"}},
    {"{\"a\"",
     {"4-4 unexpected end of file: expected ':' after the member name (the '{' of line 1 is still open)"}},
    {"{\"a\":", {"5-5 unexpected end of file: expected a value (the '{' of line 1 is still open)"}},
    {"1 2", {"2-3 expected the end of the file: a document is one value"}},
    {"{} // the end", {"3-13 comments are not allowed in JSON"}},
    {"[1, /* two */ 2]", {"4-13 comments are not allowed in JSON"}},
    {"[1] /* open", {"4-11 unterminated comment"}},
    {"[1, 2,]", {"5-6 trailing comma"}},
    {"{\"a\": 1, }", {"7-8 trailing comma"}},
    {"[1,,2]", {"3-4 expected a value"}},
    {"[,1]", {"1-2 expected a value or ']'"}},
    {"[1,,]", {"3-4 expected a value"}},
    {"{,\"a\": 1}", {"1-2 expected a member name in double quotes or '}'"}},
    {"[1 2]", {"3-4 expected ',' or ']' after an element"}},
    {"[1; 2]", {"2-3 expected ',' or ']' after an element"}},
    {"{\"a\": 1 \"b\": 2}", {"8-11 expected ',' or '}' after a member"}},
    {"{\"a\": 1; \"b\": 2}", {"7-8 expected ',' or '}' after a member"}},
    {"{\"a\" 1}", {"5-6 expected ':' after the member name"}},
    {"{\"a\" = 1}", {"5-6 expected ':' after the member name"}},
    {"{\"a\", \"b\": 1}", {"4-5 expected ':' after the member name"}},
    {"{\"a\"}", {"4-5 expected ':' after the member name"}},
    {"{\"a\": }", {"6-7 expected a value"}},
    {"{\"a\": , \"b\": 1}", {"6-7 expected a value"}},
    {"{a: 1}", {"1-2 member names take double quotes"}},
    {"{1: 1}", {"1-2 member names take double quotes"}},
    {"{'a': 1}", {"1-2 strings take double quotes"}},
    {"{[1]}", {"1-2 expected a member name in double quotes or '}'"}},
    {"[1}, 2]", {"2-3 '}' closes nothing"}},
    {"{\"a\": [1}", {"8-9 expected ',' or ']' after an element"}},
    {"[{\"a\": 1,]", {"8-9 trailing comma", "9-10 expected a member name in double quotes"}},
    {"[\"abc\n]", {"1-5 unterminated string"}},
    {"[\"\\q\"]", {"2-4 invalid escape: only \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX are"}},
    {"[\"a\tb\"]", {"3-4 control character in a string: write it as \\t"}},
    {"[01]", {"1-3 number has a leading zero"}},
    {"[True, None, undefined, NaN, hello]",
     {"1-5 write true in small letters", "7-11 'None' is not JSON: write null",
      "13-22 'undefined' is not JSON: write null", "24-27 'NaN' is not a JSON number",
      "29-34 expected a value: text takes double quotes"}},
    {"[@]", {"1-2 expected a value or ']'"}},
    {"\xEF\xBB\xBF{}", {"0-3 byte order mark: JSON text must not begin with one"}},
    {"{\"a\": 1, \"b\": 2, \"a\": 3}", {"17-20 duplicate member name \"a\""}},
    {"{\"a\": 1, \"\\u0061\": 2}", {"9-17 duplicate member name \"\\u0061\""}},
};

}  // namespace

TEST_CASE("each mistake is reported once, at its place, with its reason") {
  for (const row& expected : mistakes) {
    CAPTURE(expected.text);
    CHECK(mistakes_in(expected.text) ==
          std::vector<std::string>(expected.problems.begin(), expected.problems.end()));
  }
}

TEST_CASE("several mistakes in one document are all found, in the order of the text") {
  const auto found = mistakes_in("{\n  \"a\": 01,\n  \"b\" 2,\n  \"c\": [1 2,],\n  d: \"x\\y\"\n}\n");
  CHECK(found == std::vector<std::string>{
                     "9-11 number has a leading zero", "19-20 expected ':' after the member name",
                     "32-33 expected ',' or ']' after an element", "33-34 trailing comma",
                     "39-40 member names take double quotes",
                     "44-46 invalid escape: only \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX are"});
}

TEST_CASE("a duplicate name is a warning and the same name elsewhere is none") {
  const auto tree = parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}], "a": 2})");
  REQUIRE(tree.problems.size() == 1);
  CHECK(tree.problems[0].level == problem::severity::warning);
  CHECK_FALSE(tree.has_errors);
}

TEST_CASE("a text that is no JSON gives a hundred problems, not a million") {
  std::string text = "[";
  for (int i = 0; i < 1000; ++i) text += "no, ";
  const auto tree = parse_json(text);
  CHECK(tree.has_errors);
  CHECK(tree.problems.size() == 100);
}
