#include "topic.hpp"

#include <doctest/doctest.h>

#include <map>

namespace {

std::string mistake(std::string_view pattern) {
  try {
    stream::topic_pattern::compile(pattern);
  } catch (const stream::expression_error& e) {
    return e.what();
  }
  return "";
}

struct names {
  stream::path_set paths;
  std::vector<std::string> captures{"device", "rest"};
  std::map<std::string, stream::value> fixed;
  stream::variables vars;
  stream::known_names all{paths, captures, fixed, vars};

  std::string filled(std::string_view text, std::string_view payload) {
    std::string out;
    try {
      const auto compiled = stream::topic_template::compile(text, all);
      std::vector<std::string_view> values(paths.size());
      paths.find(payload, values);
      const std::vector<std::string_view> captured{"d1", "a/b"};
      stream::scratch memory;
      stream::failure why;
      if (!compiled.append_to(out, {values, captured, "t", vars.read().get()}, memory, why))
        return std::to_string(why.column) + ": " + std::string(why.what);
    } catch (const stream::expression_error& e) {
      return e.what();
    }
    return out;
  }
};

}  // namespace

TEST_CASE("a pattern takes a topic level by level") {
  std::vector<std::string_view> captured;
  const auto pattern = stream::topic_pattern::compile("sensors/{device}/{kind}");
  CHECK(pattern.matches("sensors/d1/temperature", captured));
  CHECK(captured == std::vector<std::string_view>{"d1", "temperature"});
  CHECK(pattern.matches("sensors//", captured));
  CHECK_FALSE(pattern.matches("sensors/d1", captured));
  CHECK_FALSE(pattern.matches("sensors/d1/temperature/more", captured));
  CHECK_FALSE(pattern.matches("sensor/d1/temperature", captured));
  CHECK_FALSE(pattern.matches("", captured));
  CHECK(stream::topic_pattern::compile("plain").matches("plain", captured));
}

TEST_CASE("the last capture of a pattern may take all that is left") {
  std::vector<std::string_view> captured;
  const auto pattern = stream::topic_pattern::compile("logs/{rest...}");
  CHECK(pattern.matches("logs/a/b/c", captured));
  CHECK(captured == std::vector<std::string_view>{"a/b/c"});
  CHECK(pattern.matches("logs/a", captured));
  CHECK_FALSE(pattern.matches("logs", captured));
}

TEST_CASE("a mistake in a pattern is told with its column") {
  CHECK(mistake("a/x{b}") == "column 3: a capture takes a level of its own");
  CHECK(mistake("a/{b") == "column 3: expected {name}");
  CHECK(mistake("a/{}") == "column 3: expected {name}");
  CHECK(mistake("a/{1x}") == "column 3: a capture's name is letters, digits and '_'");
  CHECK(mistake("{a...}/b") == "column 1: only the last level may be {name...}");
  CHECK(mistake("{a}/{a}") == "column 5: two captures are named 'a'");
  CHECK(mistake("{payload}") == "column 1: 'payload' means something else in expressions");
}

TEST_CASE("the topic of a result is text with expressions in it") {
  names known;
  CHECK(known.filled("alerts/{device}/{payload.site + '}'}/{1 + 1}", R"({"site":"ha\"ll"})") ==
        "alerts/d1/ha\\\"ll}/2");
  CHECK(known.filled("a\"b/{rest}", "null") == "a\\\"b/a/b");
  CHECK(known.filled("plain", "null") == "plain");
  CHECK(known.filled(R"(a/{"\"}"})", "null") == R"(a/\"})");
}

TEST_CASE("a mistake in a topic of results is told with its column, those of its expressions too") {
  names known;
  CHECK(known.filled("a/{device", "null") == "column 3: a '{' without its '}'");
  CHECK(known.filled("a/}", "null") == "column 3: a '}' without its '{'");
  CHECK(known.filled("a/{1 + }", "null") == "column 8: expected a value, found the end");
  CHECK(known.filled("a/{payload.x}", "{}") == "4: the payload has no such value");
  CHECK(known.filled("a/{payload}", "{}") == "3: a topic holds strings, numbers and booleans only");
}
