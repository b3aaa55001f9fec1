#include "processor.hpp"

#include <doctest/doctest.h>

namespace {

struct scripting {
  std::string operator()(std::string body, std::string_view payload = "null") {
    const std::size_t which = js.add(std::move(body));
    return again(which, payload);
  }
  std::string again(std::size_t which, std::string_view payload = "null") {
    std::string result;
    std::string why;
    const stream::script_input input{payload, "\"t\"", R"({"d":"x"})", R"({"n":1})"};
    return js.run(which, input, result, why) ? result : "! " + why;
  }
  stream::scripts js;
};

}  // namespace

TEST_CASE("a script makes a result of the payload, the topic, its captures and the variables") {
  scripting run;
  CHECK(run("return {sum: payload[0] + payload[1], topic: topic + captures.d, n: vars.n};", "[1,2]") ==
        R"({"sum":3,"topic":"tx","n":1})");
  CHECK(run("if (payload) return 1;", "false").empty());
}

TEST_CASE("what a script throws is why its message failed") {
  scripting run;
  CHECK(run("return payload.a.b;", "{}").starts_with("! TypeError"));
  CHECK(run("throw new Error('no');") == "! Error: no");
  CHECK(run("return function () {};") == "! TypeError: the result has no JSON");
  CHECK(run("return 1;") == "1");
  CHECK(run.js.made() == 1);
}

TEST_CASE("a script that is no JavaScript is refused") {
  scripting run;
  CHECK_THROWS_WITH_AS(run.js.add("return (;"), doctest::Contains("SyntaxError"), std::runtime_error);
  CHECK(run("return 2;") == "2");
}

TEST_CASE("a script leaves nothing behind for the next one") {
  scripting run;
  const auto spy = run.js.add("return [typeof leak, typeof Math.leak, typeof [].leak, typeof payload.x];");
  const std::string untouched = R"(["undefined","undefined","undefined","undefined"])";
  CHECK(run.again(spy, "{}") == untouched);
  CHECK(run("leak = 1;").starts_with("! "));
  CHECK(run("Math.leak = 1;").starts_with("! "));
  CHECK(run("Array.prototype.leak = 1;").starts_with("! "));
  run("new Function('this.leak = 1; Math.leak = 1')();");
  run("payload.x = 1; payload.__proto__.x = 1;", "{}");
  CHECK(run.again(spy, "{}") == untouched);
  CHECK(run.js.made() == 1);
}

TEST_CASE("what a script returns is JSON in UTF-8, whatever it has done to its strings") {
  scripting run;
  const auto same = run.js.add("return payload;");
  CHECK(run.again(same, "\"\xf0\x9f\x98\x80 \xc3\xa4\"") == "\"\xf0\x9f\x98\x80 \xc3\xa4\"");
  CHECK(run.again(same, R"("\ud83d\ude00")") == R"("\ud83d\ude00")");
  CHECK(run("return String.fromCharCode(0xd83d, 0xde00);") == R"("\ud83d\ude00")");
  CHECK(run("return {'\\udc00': 'x'};").starts_with("! the result is no JSON"));
  CHECK(run("return 'x\\ud800y';").starts_with("! the result is no JSON"));
  CHECK(run("var a = 1; for (var i = 0; i < 300; ++i) a = [a]; return a;")
            .starts_with("! the result is no JSON"));
}

TEST_CASE("a script's memory is bounded, and a context that ran out of it is thrown away") {
  scripting run;
  CHECK(run("var a = []; for (;;) a.push(new Array(1000).join('xxxxxxxx') + a.length);").starts_with("! "));
  CHECK(run.js.discarded() == 1);
  CHECK(run("return 3;") == "3");
  CHECK(run.js.made() == 2);
}

TEST_CASE("a mapping with a script counts as one without: result, no result, error") {
  stream::processor works;
  works.configure(R"({"mappings":[{"name":"js","from":"s/{d}","to":"t/{d}",
    "script":"if (payload.v > 1) return captures.d + payload.v; if (payload.v < 0) throw 'negative';"}]})");
  std::vector<std::string> results;
  const auto deliver = [&](std::string_view one) { results.emplace_back(one); };
  CHECK(works.process("s/a", R"({"v":2})", deliver) == stream::outcome::processed);
  CHECK(works.process("s/a", R"({"v":1})", deliver) == stream::outcome::processed);
  CHECK(works.process("s/a", R"({"v":-1})", deliver) == stream::outcome::errored);
  CHECK(results == std::vector<std::string>{R"({"topic":"t/a","payload":"a2"})"});
  CHECK(works.last_error() == "js: negative");
}
