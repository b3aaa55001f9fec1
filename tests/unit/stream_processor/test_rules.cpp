#include "rules.hpp"

#include <doctest/doctest.h>

namespace {

std::string mistake(std::string_view json) {
  try {
    stream::compile_rules(json, stream::variables());
  } catch (const stream::configuration_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a mistake in a configuration is told with the place of it") {
  CHECK(mistake("{\n  \"mappings\": [}\n}").starts_with("/: line 2, column 16: this is no JSON"));
  CHECK(mistake("{}") == "/mappings: missing member");
  CHECK(mistake(R"({"mappings":[{"from":5}]})").starts_with("/mappings/0/from: expected a string"));
  CHECK(mistake(R"({"mappings":[{"from":"a","to":"b","when":"1 +"}]})") ==
        "/mappings/0/when: column 4: expected a value, found the end");
  CHECK(mistake(R"({"mappings":[{"from":"a","to":"b/{x}"}]})") ==
        "/mappings/0/to: column 4: unknown name 'x'");
  CHECK(mistake(R"({"mappings":[{"from":"a","to":"b","fields":{"f":"1 / 0"}}]})") ==
        "/mappings/0/fields/f: column 3: division by zero");
  CHECK(mistake(R"({"mappings":[{"from":"a","to":"b","value":"1","fields":{}}]})") ==
        "/mappings/0: only one of 'value', 'fields' and 'script'");
  CHECK(mistake(R"({"mappings":[{"from":"a"}]})") ==
        "/mappings/0: neither 'to' nor 'set': this does nothing");
  CHECK(mistake(R"({"mappings":[{"from":"a","value":"1"}]})") ==
        "/mappings/0: a result without a topic: 'to' is missing");
  CHECK(mistake(R"({"mappings":[{"from":"a","set":[{"name":"v","to":"1"}]}]})") ==
        "/mappings/0/set/0/name: there is no variable 'v'");
  CHECK(mistake(R"({"mappings":[],"fixed":[{"name":"a","is":"fixed.b"},{"name":"b","is":"1"}]})") ==
        "/fixed/0/is: column 1: there is no fixed value 'b'");
  CHECK(mistake(R"({"mappings":[],"fixed":[{"name":"a","is":"topic"}]})") ==
        "/fixed/0/is: column 1: this depends on a message or a variable");
}

TEST_CASE("static expressions are computed when the configuration is read") {
  const auto rules = stream::compile_rules(
      R"x({"fixed":[{"name":"a","is":"1 + 1"},{"name":"b","is":"fixed.a * 2"}],
          "mappings":[{"from":"x","to":"y","fields":{"s":"'n' + text(fixed.b)","d":"payload.v"}}]})x",
      stream::variables());
  REQUIRE(rules.rules.size() == 1);
  const auto& fields = rules.rules[0].value;
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].dynamic.has_value());
  CHECK_FALSE(fields[1].dynamic.has_value());
  CHECK(fields[1].json == R"("n4")");
}

TEST_CASE("a variable keeps its value when the configuration changes") {
  stream::variables before;
  before.add("kept", "7");
  before.add("gone", "8");
  const auto rules = stream::compile_rules(R"({"variables":{"kept":1,"new":2},"mappings":[]})", before);
  const auto values = rules.vars.read();
  CHECK(*values == std::vector<std::string>{"7", "2"});
}

TEST_CASE("a snapshot of the variables never changes, and without one they are changed in place") {
  stream::variables vars;
  vars.add("a", "1");
  const auto* const where = vars.read().get();
  vars.set(0, "2");
  CHECK(vars.read().get() == where);
  const auto snapshot = vars.read();
  vars.set(0, "3");
  CHECK(snapshot->at(0) == "2");
  CHECK(vars.read()->at(0) == "3");
  CHECK(vars.read().get() != where);
}
