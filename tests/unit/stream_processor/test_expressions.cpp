#include "tests/unit/stream_processor/support.hpp"

#include <doctest/doctest.h>

using test::evaluation;

TEST_CASE("arithmetic binds as it does on paper") {
  evaluation value;
  CHECK(value("1 + 2 * 3") == "7");
  CHECK(value("(1 + 2) * 3") == "9");
  CHECK(value("2 - 3 - 4") == "-5");
  CHECK(value("-2 * -3") == "6");
  CHECK(value("9 / 5 + 0.2") == "2");
  CHECK(value("7 % 4") == "3");
  CHECK(value("round(2.5) + abs(-1) + min(1, 2) + max(1, 2)") == "7");
  CHECK(value("fixed.factor * 2") == "5");
}

TEST_CASE("a path is found in the text of the payload, wherever it is") {
  evaluation value;
  const std::string_view payload =
      R"({"skip":{"a":"}\"{","b":[[],{}]}, "a" : {"b":[1, {"c":"here"}]},"odd name":7,"q\"":8})";
  CHECK(value("payload.a.b[1].c", payload) == R"("here")");
  CHECK(value("payload.a.b[0] + 1", payload) == "2");
  CHECK(value("payload['odd name']", payload) == "7");
  CHECK(value(R"(payload["q\""])", payload) == "8");
  CHECK(value("payload.a", payload) == R"({"b":[1, {"c":"here"}]})");
  CHECK(value("payload.skip.a", payload) == R"("}\"{")");
  CHECK(value("payload[1]", "[1, 2]") == "2");
  CHECK(value("payload", " true ") == "true");
}

TEST_CASE("a name may be written with escapes, and the last of equal names counts") {
  evaluation value;
  CHECK(value("payload.abc", R"({"\u0061bc":1})") == "1");
  CHECK(value("payload.a", R"({"a":1,"a":2})") == "2");
  CHECK(value("payload.a.b ?? 'none'", R"({"a":{"b":1},"a":{}})") == R"("none")");
  // No name at all, but valid JSON.
  CHECK(value("payload.a", R"({"\ud800":1,"a":2})") == "2");
}

TEST_CASE("a number that is passed on keeps all of its digits") {
  evaluation value;
  CHECK(value("payload.id", R"({"id":12345678901234567890})") == "12345678901234567890");
  CHECK(value("payload.id + 0", R"({"id":12345678901234567890})") == "12345678901234567168");
}

TEST_CASE("a number that a double can't hold is too large or as good as nothing, however it is written") {
  evaluation value;
  const std::string zeros(400, '0');
  const std::string too_large = "3: the result is too large for a number";
  CHECK(value("0 + payload", "1e400") == too_large);
  CHECK(value("0 + payload", "1" + zeros) == too_large);
  CHECK(value("0 + payload", "1" + zeros + "e-5") == too_large);
  CHECK(value("0 + payload", "1e-400") == "0");
  CHECK(value("0 + payload", "0." + zeros + "1") == "0");
  CHECK(value("0 + payload", "0." + zeros + "1e+5") == "0");
}

TEST_CASE("strings are joined, escapes and all") {
  evaluation value;
  CHECK(value("'a' + 'b' + 'c'") == R"("abc")");
  CHECK(value("payload.a + '\"'", R"({"a":"x\ny"})") == R"("x\ny\"")");
  CHECK(value("device + '/' + topic") == R"("d7/sensors/d7")");
  CHECK(value("'n=' + text(3) + text(true) + text(null)") == R"("n=3truenull")");
  CHECK(value("number('12') + number(1)") == "13");
}

TEST_CASE("comparisons are of two numbers or two strings; equality is of anything but arrays and objects") {
  evaluation value;
  CHECK(value("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3 && 1 != 2") == "true");
  CHECK(value("'a' < 'b' && 'a' == 'a'") == "true");
  CHECK(value("payload.a == 'A'", R"({"a":"\u0041"})") == "true");
  CHECK(value("payload.a == 10", R"({"a":1e1})") == "true");
  CHECK(value("1 == '1'") == "false");
  CHECK(value("null == null") == "true");
  CHECK(value("1 < payload", "\"2\"") == "3: only two numbers or two strings have an order");
  CHECK(value("payload == 1", "[]") == "9: arrays and objects can't be compared");
}

TEST_CASE("what isn't needed isn't evaluated") {
  evaluation value;
  CHECK(value("exists(payload.a) && payload.a > 1", "{}") == "false");
  CHECK(value("!exists(payload.a) || payload.a > 1", "{}") == "true");
  CHECK(value("exists(payload.a) ? payload.a : 'none'", "{}") == R"("none")");
  CHECK(value("payload.b ?? payload.a ?? 5", R"({"b":null})") == "5");
  CHECK(value("payload.b ?? payload.a ?? 5", R"({"a":4})") == "4");
  CHECK(value("true ? 1 : false ? 2 : 3") == "1");
}

TEST_CASE("variables and captures are there by name") {
  evaluation value;
  CHECK(value("vars.count + 1") == "42");
  CHECK(value("vars.name + device") == R"("northd7")");
}

TEST_CASE("a mistake is told with its column") {
  evaluation value;
  CHECK(value("") == "column 1: expected a value, found the end");
  CHECK(value("1 +") == "column 4: expected a value, found the end");
  CHECK(value("1 2") == "column 3: expected an operator or the end");
  CHECK(value("(1") == "column 3: expected ')'");
  CHECK(value("1 + nothing") == "column 5: unknown name 'nothing'");
  CHECK(value("sin(1)") == "column 1: unknown function 'sin'");
  CHECK(value("fixed.other") == "column 1: there is no fixed value 'other'");
  CHECK(value("vars.other") == "column 1: there is no variable 'other'");
  CHECK(value("payload.") == "column 9: expected a name");
  CHECK(value("payload[x]") == "column 9: expected an index or a name in quotes");
  CHECK(value("'open") == "column 1: a string without an end");
  CHECK(value(R"("\x")") == "column 1: this is no string");
  CHECK(value("true ? 1") == "column 9: expected ':'");
  CHECK(value("exists(1)") == "column 1: exists() takes a path");
  CHECK(value("1e999") == "column 1: this number is out of range");
  CHECK(value("1 + 2 * true") == "column 7: this needs numbers");
  CHECK(value(std::string(200, '(')).find("nested too deeply") != std::string::npos);
  CHECK(value(std::string(200, '-') + "1").find("nested too deeply") != std::string::npos);
}

TEST_CASE("a message that doesn't fit is told of with the column of what could not be done") {
  evaluation value;
  CHECK(value("1 + payload.a", "{}") == "5: the payload has no such value");
  CHECK(value("1 + payload.a", R"({"a":"x"})") ==
        "3: '+' joins two strings: text() makes one of anything else");
  CHECK(value("1 / payload.a", R"({"a":0})") == "3: division by zero");
  CHECK(value("payload.a * 10", R"({"a":1e308})") == "11: the result is too large for a number");
  CHECK(value("payload.a ? 1 : 2", R"({"a":1})") == "11: this needs a boolean");
  for (const std::string text : {"0x10", "01", "1.", "-", "1e", "-.5", "1 ", "", "1e-", "Infinity"})
    CHECK(value("number(payload.a)", "{\"a\":\"" + text + "\"}") == "1: this is no number");
  CHECK(value("payload.a == 'x'", R"({"a":"\ud800"})") == "11: a string with half a surrogate pair");
}

TEST_CASE("what needs no message is computed once") {
  stream::path_set paths;
  const stream::variables vars;
  const std::map<std::string, stream::value> fixed;
  const stream::known_names names{paths, {}, fixed, vars};
  CHECK(stream::expression::compile("(1 + 2) * 3 == 9 && 'a' + 'b' != ''", names).is_static());
  const auto dynamic = stream::expression::compile("payload.a * (9 / 5)", names);
  CHECK_FALSE(dynamic.is_static());
  CHECK(dynamic.operations() == 3);  // path, constant, multiply
}
