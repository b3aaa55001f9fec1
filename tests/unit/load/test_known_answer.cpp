#include "benchmarks/load/expected_result.hpp"
#include "benchmarks/load/known_answer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using load::known_answer;

namespace {

const std::string learnt = R"(17:{"id":1000000001,"result":1000000001})";
const load::expected_result any;

known_answer known() {
  known_answer answer;
  const std::string_view whole = learnt;
  answer.learn(whole, whole.substr(learnt.find("1000000001"), 10), &any);
  return answer;
}

}  // namespace

TEST_CASE("the same answer with another id is recognised, whatever follows") {
  const auto answer = known();
  CHECK(answer.expected() == &any);
  CHECK(answer.size() == learnt.size());
  CHECK(answer.id_in(learnt) == 1000000001);
  CHECK(answer.id_in(R"(17:{"id":1234567890,"result":1000000001}17:{"id")") == 1234567890);
}

TEST_CASE("an answer that differs in one byte, or isn't whole, or has no id of ours, is not recognised") {
  const auto answer = known();
  std::size_t taken = 0;
  for (std::size_t at = 0; at < learnt.size(); ++at) {
    std::string other = learnt;
    other[at] = other[at] == 'x' ? 'y' : 'x';
    taken += answer.id_in(other) != 0;
    CHECK(answer.id_in(learnt.substr(0, at)) == 0);
  }
  CHECK(taken == 0);
  CHECK(answer.id_in("") == 0);
  CHECK(answer.id_in(R"(17:{"id":-000000001,"result":1000000001})") != 1);
}

TEST_CASE("nothing is recognised before something was learnt, or when that had an id of another length") {
  known_answer answer;
  CHECK(answer.id_in(learnt) == 0);
  CHECK(answer.id_in("") == 0);
  const std::string_view whole = R"({"id":100000000,"result":42})";
  answer.learn(whole, whole.substr(6, 9), &any);
  CHECK(answer.id_in(whole) == 0);
}
