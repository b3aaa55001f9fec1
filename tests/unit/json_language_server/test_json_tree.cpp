#include "json_tree.hpp"

#include <doctest/doctest.h>

#include <string>

using json_ls::byte_range;
using json_ls::node_kind;
using json_ls::parse_json;

TEST_CASE("every kind of value is a node with its bytes") {
  const std::string text = R"( {"a": [1, "two", true, null], "b": {}} )";
  const auto tree = parse_json(text);
  CHECK(tree.problems.empty());
  CHECK_FALSE(tree.has_errors);
  REQUIRE(tree.nodes.size() == 7);

  const auto& root = tree.nodes[0];
  CHECK(root.kind == node_kind::object);
  CHECK(root.child_count == 2);
  CHECK(root.subtree_end == 7);
  CHECK(root.value == byte_range{1, text.size() - 1});

  const auto& array = tree.nodes[1];
  CHECK(array.kind == node_kind::array);
  CHECK(array.key.of(text) == R"("a")");
  CHECK(array.value.of(text) == R"([1, "two", true, null])");
  CHECK(array.whole().of(text) == R"("a": [1, "two", true, null])");
  CHECK(array.child_count == 4);
  CHECK(array.subtree_end == 6);

  CHECK(tree.nodes[2].kind == node_kind::number);
  CHECK(tree.nodes[3].kind == node_kind::string);
  CHECK(tree.nodes[3].value.of(text) == R"("two")");
  CHECK(tree.nodes[4].kind == node_kind::boolean);
  CHECK(tree.nodes[5].kind == node_kind::null);
  CHECK(tree.nodes[5].parent == 1);
  CHECK(tree.nodes[5].place == 3);

  CHECK(tree.nodes[6].kind == node_kind::object);
  CHECK(tree.nodes[6].parent == 0);
  CHECK(tree.nodes[6].place == 1);
}

TEST_CASE("a scalar is a document") {
  const auto tree = parse_json("42");
  REQUIRE(tree.nodes.size() == 1);
  CHECK(tree.nodes[0].kind == node_kind::number);
  CHECK_FALSE(tree.has_errors);
}

TEST_CASE("the node at a byte is the innermost one") {
  const std::string text = R"({"a": [1, [2]], "b": 3})";
  const auto tree = parse_json(text);
  const auto kind_at = [&](std::size_t offset) {
    return tree.nodes[tree.node_at(offset).value()].value.of(text);
  };
  CHECK(kind_at(0) == text);
  CHECK(kind_at(2) == "[1, [2]]");
  CHECK(kind_at(7) == "1");
  CHECK(kind_at(8) == "[1, [2]]");
  CHECK(kind_at(11) == "2");
  CHECK(kind_at(12) == "[2]");
  CHECK(kind_at(13) == "[1, [2]]");
  CHECK(kind_at(21) == "3");
  CHECK(kind_at(22) == text);
  CHECK_FALSE(tree.node_at(text.size()));
}

TEST_CASE("a member without a value is kept as missing") {
  const std::string text = R"({"a": , "b": 2, "c"})";
  const auto tree = parse_json(text);
  REQUIRE(tree.nodes.size() == 4);
  CHECK(tree.nodes[1].kind == node_kind::missing);
  CHECK(tree.nodes[1].key.of(text) == R"("a")");
  CHECK(tree.nodes[2].kind == node_kind::number);
  CHECK(tree.nodes[3].kind == node_kind::missing);
  CHECK(tree.nodes[3].key.of(text) == R"("c")");
}

TEST_CASE("an unfinished document keeps what is there") {
  const std::string text = R"({"a": {"b": [1, 2)";
  const auto tree = parse_json(text);
  CHECK(tree.has_errors);
  REQUIRE(tree.nodes.size() == 5);
  for (const std::size_t container : {0U, 1U, 2U}) {
    CHECK(tree.nodes[container].value.end == text.size());
    CHECK(tree.nodes[container].subtree_end == 5);
  }
}

TEST_CASE("a bracket of the wrong kind closes what it can") {
  const std::string text = R"({"a": [1, {"b": 2], "c": 3})";
  const auto tree = parse_json(text);
  CHECK(tree.problems.size() == 1);
  const auto& last = tree.nodes.back();
  CHECK(last.key.of(text) == R"("c")");
  CHECK(last.parent == 0);
}

TEST_CASE("nesting up to the limit is read, deeper nesting is one error") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK_FALSE(parse_json(nested(json_ls::max_nesting)).has_errors);

  const auto tree = parse_json(nested(json_ls::max_nesting + 1));
  REQUIRE(tree.problems.size() == 1);
  CHECK(tree.problems[0].where == byte_range{json_ls::max_nesting, json_ls::max_nesting + 1});
  CHECK(tree.problems[0].reason == "nested deeper than 256 levels");
}

TEST_CASE("a million brackets are an error, not a crash") {
  CHECK(parse_json(std::string(1'000'000, '[')).has_errors);
  CHECK(parse_json(std::string(1'000'000, '{')).has_errors);
  std::string pairs;
  for (int i = 0; i < 500'000; ++i) pairs += "{\"a\":";
  CHECK(parse_json(pairs).has_errors);
}

TEST_CASE("reading goes on after what is nested too deep") {
  const std::size_t depth = json_ls::max_nesting + 50;
  const std::string text =
      "{\"deep\": " + std::string(depth, '[') + std::string(depth, ']') + ", \"after\": 01}";
  const auto tree = parse_json(text);
  REQUIRE(tree.problems.size() == 2);
  CHECK(tree.problems[1].reason == "number has a leading zero");
  CHECK(tree.nodes.back().key.of(text) == "\"after\"");
}
