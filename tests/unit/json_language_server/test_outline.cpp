#include "outline.hpp"

#include <doctest/doctest.h>

#include <string>
#include <tuple>

using json_ls::document_symbol;
using json_ls::position;
using json_ls::text_range;

namespace {

std::vector<document_symbol> outline_of(const std::string& text) {
  const json_ls::text_document document(text);
  return json_ls::outline(document, json_ls::parse_json(text));
}

bool before(position a, position b) { return std::tie(a.line, a.character) <= std::tie(b.line, b.character); }

bool holds(const text_range& outer, const text_range& inner) {
  return before(outer.start, inner.start) && before(inner.end, outer.end);
}

void check_containment(const document_symbol& symbol) {
  CHECK_FALSE(symbol.name.empty());
  CHECK(holds(symbol.range, symbol.selectionRange));
  for (const document_symbol& child : symbol.children) {
    CHECK(holds(symbol.range, child.range));
    check_containment(child);
  }
}

}  // namespace

TEST_CASE("the outline follows the document, with kinds and details") {
  const auto symbols =
      outline_of("{\n  \"name\": \"antiphon\",\n  \"tags\": [1, true, null],\n  \"empty\": {}\n}\n");
  REQUIRE(symbols.size() == 3);

  CHECK(symbols[0].name == "name");
  CHECK(symbols[0].kind == json_ls::symbol_string);
  CHECK(symbols[0].detail == "\"antiphon\"");
  CHECK(symbols[0].range == text_range{{1, 2}, {1, 20}});
  CHECK(symbols[0].selectionRange == text_range{{1, 2}, {1, 8}});

  CHECK(symbols[1].kind == json_ls::symbol_array);
  CHECK(symbols[1].detail == "array with 3 elements");
  REQUIRE(symbols[1].children.size() == 3);
  CHECK(symbols[1].children[1].name == "1");
  CHECK(symbols[1].children[0].kind == json_ls::symbol_number);
  CHECK(symbols[1].children[1].kind == json_ls::symbol_boolean);
  CHECK(symbols[1].children[2].kind == json_ls::symbol_null);
  CHECK(symbols[1].children[2].range == text_range{{2, 20}, {2, 24}});

  CHECK(symbols[2].kind == json_ls::symbol_object);
  CHECK(symbols[2].detail == "empty object");
}

TEST_CASE("ranges count UTF-16 units") {
  const auto symbols = outline_of("{\"\U0001F600\": \"\U0001F600\", \"x\": 1}");
  REQUIRE(symbols.size() == 2);
  CHECK(symbols[0].name == "\U0001F600");
  CHECK(symbols[0].range == text_range{{0, 1}, {0, 11}});
  CHECK(symbols[1].range == text_range{{0, 13}, {0, 19}});
}

TEST_CASE("names are never blank") {
  const auto symbols = outline_of(R"({"": 1, "  ": 2, "a\nb": 3})");
  REQUIRE(symbols.size() == 3);
  CHECK(symbols[0].name == "\"\"");
  CHECK(symbols[1].name == "\"  \"");
  CHECK(symbols[2].name == "a\\nb");
}

TEST_CASE("a broken document still has an outline whose ranges hold each other") {
  for (const std::string text :
       {R"({"a": {"b": , "c": [1, 2)", R"({"a" {"b": 1]})", R"([{"a": 1 "b": [}])",
        "{\"a\": \"unterminated\n, \"b\": {c: 1,}}", R"({"a": )", R"({"a": [{"b")"}) {
    CAPTURE(text);
    const auto symbols = outline_of(text);
    CHECK_FALSE(symbols.empty());
    for (const document_symbol& symbol : symbols) check_containment(symbol);
  }
}

TEST_CASE("a long value is cut in the outline between characters") {
  std::string text = "[\"";
  for (int i = 0; i < 100; ++i) text += "\u20ac";
  text += "\"]";
  const auto symbols = outline_of(text);
  REQUIRE(symbols.size() == 1);
  CHECK(symbols[0].detail == text.substr(1, 58) + "…");
}

TEST_CASE("a document without members has an empty outline") {
  CHECK(outline_of("").empty());
  CHECK(outline_of("42").empty());
  CHECK(outline_of("{}").empty());
}

TEST_CASE("what lies too deep to read is left out of the outline") {
  auto symbols = outline_of(std::string(100, '[') + std::string(100, ']'));
  std::size_t depth = 0;
  while (!symbols.empty()) {
    ++depth;
    auto children = std::move(symbols[0].children);
    symbols = std::move(children);
  }
  CHECK(depth == json_ls::max_outline_depth);
}
