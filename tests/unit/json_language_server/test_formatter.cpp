#include "formatter.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

using json_ls::formatting_options;
using json_ls::text_document;
using json_ls::text_edit;

namespace {

std::optional<std::vector<text_edit>> edits_of(const std::string& text, const formatting_options& options) {
  const text_document document(text);
  return json_ls::format_document(document, json_ls::parse_json(text), options);
}

// Edits refer to the text before any of them, so the last comes first.
std::string with_edits(const std::string& text, const std::vector<text_edit>& edits) {
  const text_document document(text);
  std::string result = text;
  for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) {
    const std::size_t begin = document.offset_at(edit->range.start);
    result.replace(begin, document.offset_at(edit->range.end) - begin, edit->newText);
  }
  return result;
}

std::string formatted(const std::string& text, const formatting_options& options = {}) {
  return with_edits(text, edits_of(text, options).value());
}

}  // namespace

TEST_CASE("a document is laid out one member and element a line") {
  CHECK(formatted(R"({"a":1,"b":[true,null],"c":{},"d":[ ]})") ==
        "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ],\n  \"c\": {},\n  \"d\": []\n}");
}

TEST_CASE("formatting again changes nothing") {
  const std::string once = formatted("  {\"a\" :[1 ,2], \"b\":\n\n{\"c\":\"\U0001F600\"}}\n\n");
  CHECK(edits_of(once, {}).value().empty());
}

TEST_CASE("the indentation is the editor's choice") {
  CHECK(formatted("[[1]]", {.tabSize = 4}) == "[\n    [\n        1\n    ]\n]");
  CHECK(formatted("[[1]]", {.tabSize = 4, .insertSpaces = false}) == "[\n\t[\n\t\t1\n\t]\n]");
  CHECK(formatted("[1]", {.tabSize = 0}) == "[\n1\n]");
}

TEST_CASE("strings and numbers keep their bytes") {
  const std::string text = R"([1.50,-0,1E+05,123456789012345678901234567890,"\u0041\/é  ,:{"])";
  CHECK(formatted(text) ==
        "[\n  1.50,\n  -0,\n  1E+05,\n  123456789012345678901234567890,\n  \"\\u0041\\/é  ,:{\"\n]");
}

TEST_CASE("lines keep the kind of end they have") {
  CHECK(formatted("{\"a\":1,\r\n\"b\":2}\r\n") == "{\r\n  \"a\": 1,\r\n  \"b\": 2\r\n}\r\n");
  CHECK(formatted("[1,\r2]\r") == "[\r  1,\r  2\r]\r");
  CHECK(edits_of("[\r\n  1\r\n]\r\n", {}).value().empty());
}

TEST_CASE("the end of the file follows the options") {
  CHECK(formatted("[]") == "[]");
  CHECK(formatted("[]\n\n") == "[]\n\n");
  CHECK(formatted("[]", {.insertFinalNewline = true}) == "[]\n");
  CHECK(formatted("[]\n\n", {.insertFinalNewline = true}) == "[]\n\n");
  CHECK(formatted("[] \n\n", {.trimFinalNewlines = true}) == "[]\n");
  CHECK(formatted("[]", {.trimFinalNewlines = true}) == "[]");
  CHECK(formatted("[]\r\n\r\n", {.insertFinalNewline = true, .trimFinalNewlines = true}) == "[]\r\n");
}

TEST_CASE("only the blanks that are wrong are edited") {
  const auto edits = edits_of("{\n  \"\U0001F600\":1,\n  \"b\": 2\n}", {}).value();
  REQUIRE(edits.size() == 1);
  CHECK(edits[0].range == json_ls::text_range{{1, 7}, {1, 7}});
  CHECK(edits[0].newText == " ");
}

TEST_CASE("a document with errors is not formatted, one with warnings is") {
  CHECK_FALSE(edits_of("[1,]", {}));
  CHECK_FALSE(edits_of("{\"a\": 1} // note", {}));
  CHECK_FALSE(edits_of("", {}));
  CHECK(formatted("{\"a\":1,\"a\":2}") == "{\n  \"a\": 1,\n  \"a\": 2\n}");
}

TEST_CASE("many changes are one edit with the same result") {
  std::string text = " [";
  std::string wanted = "[";
  for (int i = 0; i < 3000; ++i) {
    text += (i == 0 ? "" : ",") + std::to_string(i);
    wanted += (i == 0 ? "\n  " : ",\n  ") + std::to_string(i);
  }
  text += "]";
  wanted += "\n]";
  const auto edits = edits_of(text, {}).value();
  CHECK(edits.size() == 1);
  CHECK(with_edits(text, edits) == wanted);
}

TEST_CASE("a document that would grow beyond measure is not formatted") {
  std::string text(250, '[');
  for (int i = 0; i < 30'000; ++i) text += "0,";
  text += "0" + std::string(250, ']');
  CHECK_FALSE(edits_of(text, {.tabSize = 4000}));
}
