#include "diagnostics.hpp"
#include "formatter.hpp"
#include "hover.hpp"
#include "outline.hpp"
#include "tests/support/sanitized.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <ctime>
#include <random>
#include <string>

namespace {

const std::string sample =
    "{\r\n  \"name\": \"\U0001D11E \\ud834\\udd1e\",\n  \"list\": [1, -2.5e+10, true, false, null, [], {}],\r"
    "  \"n\u00e9sted\": {\"a/b\": {\"~\": [[[\"x\"]]]}, \"\": \"tab\\t\"},\n  \"big\": "
    "18446744073709551615\n}\n";

// Everything the server does with a text, as an editor would ask for it.
void use(const std::string& text) {
  const json_ls::text_document document(text);
  const auto tree = json_ls::parse_json(document.text());
  const auto problems = json_ls::diagnostics(document, tree);
  REQUIRE(tree.has_errors == !json_ls::format_document(document, tree, {}).has_value());
  if (tree.has_errors) REQUIRE_FALSE(problems.empty());
  json_ls::outline(document, tree);
  for (std::size_t offset = 0; offset <= text.size(); offset += 7) {
    json_ls::hover_at(document, tree, document.position_at(offset));
  }
  for (const auto& node : tree.nodes) {
    REQUIRE(node.key.begin <= node.key.end);
    REQUIRE(node.value.begin <= node.value.end);
    REQUIRE(node.value.end <= text.size());
    const auto& parent = tree.nodes[node.parent];
    REQUIRE(parent.value.begin <= node.whole().begin);
    REQUIRE(node.value.end <= parent.value.end);
  }
}

}  // namespace

TEST_CASE("every beginning of a document is taken, with an error in all but the whole") {
  for (std::size_t length = 0; length < sample.size(); ++length) {
    const std::string text = sample.substr(0, length);
    CAPTURE(text);
    use(text);
    const bool whole = length + 1 >= sample.size();
    CHECK(json_ls::parse_json(text).has_errors == !whole);
  }
  use(sample);
  CHECK(json_ls::parse_json(sample).problems.empty());
}

TEST_CASE("every byte left out, doubled or replaced is taken") {
  for (std::size_t at = 0; at < sample.size(); ++at) {
    use(std::string(sample).erase(at, 1));
    use(std::string(sample).insert(at, 1, sample[at]));
    for (const char byte : {'{', '}', '[', ']', ',', ':', '"', '\\', '/', '0', ' ', '\0', '\xff'}) {
      std::string text = sample;
      text[at] = byte;
      use(text);
    }
  }
}

TEST_CASE("random tokens are taken") {
  static constexpr const char* pieces[] = {"{", "}", "[", "]",  ",", ":", "\"a\"",
                                           "1", "x", " ", "\n", "'", "@", "\""};
  std::mt19937 random(20240611);
  std::uniform_int_distribution<std::size_t> piece(0, std::size(pieces) - 1);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) text += pieces[piece(random)];
    CAPTURE(text);
    use(text);
  }
}

TEST_CASE("a document of one long line takes time in proportion to its size") {
  const auto seconds_for = [](std::size_t size) {
    std::string text = "[";
    while (text.size() < size) text += "{\"key\":\"\U0001F600\",\"n\":[1,2,3]},";
    text += "0]";
    const std::clock_t begin = std::clock();
    const json_ls::text_document document(text);
    const auto tree = json_ls::parse_json(document.text());
    CHECK_FALSE(tree.has_errors);
    CHECK(json_ls::outline(document, tree).size() > size / 40);
    CHECK(json_ls::format_document(document, tree, {}).value().size() == 1);
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  const std::size_t most = support::sanitized ? 800'000 : 4'000'000;
  const double some = seconds_for(most / 8);
  const double all = seconds_for(most);
  MESSAGE("an eighth of it: ", some, " s, all of it: ", all, " s");
  // If it were quadratic, 64 times as long.
  CHECK(all < 24 * some);
  if (!support::sanitized) CHECK(all < 60);
}
