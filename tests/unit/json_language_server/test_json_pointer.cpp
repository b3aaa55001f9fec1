#include "json_pointer.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

std::string pointer_to(const std::string& text, std::string_view value) {
  const auto tree = json_ls::parse_json(text);
  return json_ls::json_pointer(text, tree, tree.node_at(text.find(value)).value());
}

}  // namespace

TEST_CASE("a pointer names members and counts elements") {
  CHECK(pointer_to(R"({"a": [1, {"b": 77}]})", "77") == "/a/1/b");
}

TEST_CASE("the root's pointer is empty") { CHECK(pointer_to("12", "12").empty()); }

TEST_CASE("tilde and slash in names are escaped as RFC 6901 says") {
  CHECK(pointer_to(R"({"a/b": {"m~n": {"~1": 77}}})", "77") == "/a~1b/m~0n/~01");
}

TEST_CASE("names are decoded and may be empty") {
  CHECK(pointer_to(R"({"": {"\u00e9 \"x\"": 77}})", "77") == "//\u00e9 \"x\"");
}
