#include "processor.hpp"

#include <doctest/doctest.h>

namespace {

struct fixture {
  explicit fixture(std::string_view configuration) { works.configure(configuration); }
  stream::outcome operator()(std::string_view topic, std::string_view payload) {
    results.clear();
    return works.process(topic, payload, [this](std::string_view one) { results.emplace_back(one); });
  }
  stream::processor works;
  std::vector<std::string> results;
};

}  // namespace

TEST_CASE("each mapping for a topic makes a result of a message") {
  fixture process(R"({"mappings":[
    {"from":"s/{d}","to":"a/{d}","fields":{"v":"payload.v + 1","k":"1"}},
    {"from":"s/{d}","when":"payload.v > 5","to":"b","value":"payload.v"},
    {"from":"{all...}","to":"c"}]})");
  CHECK(process("s/x", R"({"v":5})") == stream::outcome::processed);
  CHECK(process.results == std::vector<std::string>{R"({"topic":"a/x","payload":{"k":1,"v":6}})",
                                                    R"({"topic":"c","payload":{"v":5}})"});
  CHECK(process("s/x", R"({"v":6})") == stream::outcome::processed);
  CHECK(process.results.size() == 3);
  CHECK(process.results[1] == R"({"topic":"b","payload":6})");
}

TEST_CASE("a mapping that fails doesn't take the others with it, and says why") {
  fixture process(R"({"variables":{"n":0},"mappings":[
    {"name":"first","from":"s","to":"a","value":"payload.v","set":[{"name":"n","to":"1"}]},
    {"name":"second","from":"s","to":"b","value":"1"}]})");
  CHECK(process("s", "{}") == stream::outcome::errored);
  CHECK(process.results == std::vector<std::string>{R"({"topic":"b","payload":1})"});
  CHECK(process.works.last_error() == "first: column 1: the payload has no such value");
  CHECK(process.works.vars().read()->at(0) == "0");
  CHECK(process("other", "{}") == stream::outcome::unmatched);
}

TEST_CASE("a message sees the variables as they were before it") {
  fixture process(R"({"variables":{"n":1},"mappings":[
    {"from":"s","to":"a","value":"vars.n","set":[{"name":"n","to":"vars.n * 2"}]},
    {"from":"s","to":"b","value":"vars.n"}]})");
  process("s", "{}");
  CHECK(process.results[0] == R"({"topic":"a","payload":1})");
  CHECK(process.results[1] == R"({"topic":"b","payload":1})");
  process("s", "{}");
  CHECK(process.results[1] == R"({"topic":"b","payload":2})");
}

TEST_CASE("a wrong configuration leaves the one that was there") {
  fixture process(R"({"mappings":[{"from":"s","to":"a"}]})");
  CHECK_THROWS_AS(process.works.configure("{}"), stream::configuration_error);
  CHECK(process("s", "1") == stream::outcome::processed);
}

TEST_CASE("a topic may hold anything that a string may") {
  fixture process(R"({"mappings":[{"from":"s/{d}","to":"t/{d}","value":"topic"}]})");
  process("s/a\"\n\xc3\xa4", "1");
  CHECK(process.results[0] ==
        "{\"topic\":\"t/a\\\"\\u000a\xc3\xa4\",\"payload\":\"s/a\\\"\\u000a\xc3\xa4\"}");
}

TEST_CASE("texts larger than the scratch memory are joined all the same") {
  fixture process(R"({"mappings":[{"from":"s","to":"t","value":"payload + payload"}]})");
  const std::string big(100'000, 'x');
  for (int round = 0; round < 3; ++round) process("s", '"' + big + '"');
  CHECK(process.results[0].size() > 200'000);
}
