#include "hover.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

using json_ls::position;
using json_ls::text_range;

namespace {

std::optional<json_ls::hover> hover_in(const std::string& text, position where) {
  const json_ls::text_document document(text);
  return json_ls::hover_at(document, json_ls::parse_json(text), where);
}

std::string shown(const std::string& text, position where) {
  return hover_in(text, where).value().contents.value;
}

}  // namespace

TEST_CASE("hover over a value shows its pointer, type and text") {
  const auto found = hover_in("{\n  \"a\": [10, 20]\n}", {1, 12}).value();
  CHECK(found.contents.kind == "markdown");
  CHECK(found.contents.value == "`/a/1`: number\n\n```json\n20\n```");
  CHECK(found.range == text_range{{1, 12}, {1, 14}});
}

TEST_CASE("hover over a name shows its member and marks the name") {
  const auto found = hover_in("{\n  \"a\": [10, 20]\n}", {1, 3}).value();
  CHECK(found.contents.value == "`/a`: array with 2 elements\n\n```json\n[10, 20]\n```");
  CHECK(found.range == text_range{{1, 2}, {1, 5}});
}

TEST_CASE("hover counts UTF-16 units") {
  const std::string text = "{\"\U0001F600\U0001F600\": 1, \"b\": 2}";
  CHECK(shown(text, {0, 8}) == "`/\U0001F600\U0001F600`: number\n\n```json\n1\n```");
  CHECK(hover_in(text, {0, 8}).value().range == text_range{{0, 9}, {0, 10}});
  CHECK(shown(text, {0, 16}) == "`/b`: number\n\n```json\n2\n```");
}

TEST_CASE("hover outside the value shows nothing") {
  CHECK_FALSE(hover_in("  {}  ", {0, 0}));
  CHECK_FALSE(hover_in("  {}  ", {0, 4}));
  CHECK_FALSE(hover_in("", {0, 0}));
  CHECK_FALSE(hover_in("{}\n", {9, 9}));
}

TEST_CASE("hover over the root says so") {
  CHECK(shown("{ \"a\": 1 }", {0, 0}) == "whole document: object with 1 member\n\n```json\n{\"a\": 1}\n```");
}

TEST_CASE("hover over a member without a value says so") {
  CHECK(shown("{\"a\": }", {0, 2}) == "`/a`: no value");
}

TEST_CASE("names with slashes, tildes, backticks and line breaks keep the markdown whole") {
  CHECK(shown(R"({"a/b~c": 1})", {0, 2}).starts_with("`/a~1b~0c`: number"));
  CHECK(shown(R"({"a`b": 1})", {0, 2}).starts_with("``/a`b``: number"));
  CHECK(shown(R"({"a`": 1})", {0, 2}).starts_with("`` /a` ``: number"));
  CHECK(shown(R"({"a\nb": 1})", {0, 2}).starts_with("`/a\\nb`: number"));
  CHECK(shown(R"(["```"])", {0, 2}) == "`/0`: string\n\n````json\n\"```\"\n````");
}

TEST_CASE("a large value is cut between characters") {
  std::string text = "[\"x";
  for (int i = 0; i < 200; ++i) text += "\U0001F600";
  text += "\"]";
  const std::string value = shown(text, {0, 1});
  CHECK(value == "`/0`: string\n\n```json\n" + text.substr(1, 198) + "…\n```");
}
