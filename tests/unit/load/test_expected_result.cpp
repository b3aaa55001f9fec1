#include "benchmarks/load/expected_result.hpp"

#include <doctest/doctest.h>

using load::expected_result;

TEST_CASE("a result is right when it is one of the texts, but for white space between tokens") {
  const expected_result expected({R"(["a b", 1])", "42"});
  CHECK(expected.accepts(R"(["a b", 1])"));
  CHECK(expected.accepts("[ \"a b\"\n,1]"));
  CHECK(expected.accepts("42"));
  CHECK_FALSE(expected.accepts(R"(["ab",1])"));
  CHECK_FALSE(expected.accepts(R"(["a b",2])"));
  CHECK_FALSE(expected.accepts("4"));
  CHECK_FALSE(expected.accepts(""));
}

TEST_CASE("a quote that is escaped doesn't end a string") {
  const expected_result expected({R"(["\" ","\\"])"});
  CHECK(expected.accepts(R"([ "\" ", "\\" ])"));
  CHECK_FALSE(expected.accepts(R"(["\"","\\"])"));
}

TEST_CASE("where nothing is expected, every result is right") { CHECK(expected_result().accepts("null")); }
