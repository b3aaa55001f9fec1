#include <antiphon/streaming/message_view.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using antiphon::frame_messages;

namespace {

std::vector<std::string> members(std::string_view frame) {
  std::vector<std::string> all;
  frame_messages walk(frame);
  CHECK(walk.count(std::size_t(-1)) <= frame.size() + 1);
  while (const auto text = walk.next()) all.emplace_back(*text);
  CHECK_FALSE(walk.next());
  return all;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a frame with one value has one message and is no batch") {
  for (const char* frame : {"{\"a\":[1,2]}", "1", "\"[\"", "null"}) {
    CAPTURE(frame);
    CHECK_FALSE(frame_messages(frame).is_batch());
    CHECK(members(frame) == texts{frame});
    CHECK(members(" \r\n\t" + std::string(frame) + " \n") == texts{frame});
    CHECK(frame_messages(frame).count(10) == 1);
  }
  CHECK(members("") == texts{""});
}

TEST_CASE("a batch gives its members, whatever they are, without the whitespace around them") {
  CHECK(members("[{\"a\":1},{\"b\":[2,{}]}]") == texts{"{\"a\":1}", "{\"b\":[2,{}]}"});
  CHECK(members(" [ 1 , \"a,]\\\"\",\n[],[[2],3] ,null\t,{} ] ") ==
        texts{"1", "\"a,]\\\"\"", "[]", "[[2],3]", "null", "{}"});
  CHECK(members("[1]") == texts{"1"});
}

TEST_CASE("an empty array is a batch without members") {
  for (const char* frame : {"[]", " [ ] ", "[\n]"}) {
    CHECK(frame_messages(frame).is_batch());
    CHECK(members(frame).empty());
    CHECK(frame_messages(frame).count(5) == 0);
  }
}

TEST_CASE("members are counted up to a bound, from where the walk stands") {
  frame_messages walk("[1,2,3,4]");
  CHECK(walk.count(10) == 4);
  CHECK(walk.count(4) == 4);
  CHECK(walk.count(3) == 3);
  CHECK(walk.count(0) == 0);
  walk.next();
  CHECK(walk.count(10) == 3);
}

TEST_CASE("a malformed batch ends with what is left of it, as one member") {
  CHECK(members("[") == texts{""});
  CHECK(members("[1 2]") == texts{"1 2]"});
  CHECK(members("[{},{\"a\":") == texts{"{}", "{\"a\":"});
  CHECK(members("[,,]") == texts{",,]"});
  CHECK(members("[1,]") == texts{"1", "]"});
  CHECK(members("[1] 2") == texts{"1] 2"});
  CHECK(members("[1,2] garbage") == texts{"1", "2] garbage"});
  CHECK(members("[{}}") == texts{"{}}"});
  CHECK(members("[\"a]") == texts{"\"a]"});
}

TEST_CASE("every beginning of a batch is walked safely and to an end") {
  const std::string frame = R"([{"a":[1,{"b":"\"]"}]}, [[],{}] ,"x\\",-1.5e3,true])";
  for (std::size_t size = 0; size <= frame.size(); ++size) {
    const std::string beginning = frame.substr(0, size);
    CHECK(members(beginning).size() <= 5);
  }
}

TEST_CASE("pathological nesting costs one pass") {
  CHECK(members(std::string(16 * 1024 * 1024, '[')).size() == 1);
  std::string commas = "[";
  for (int i = 0; i < 1'000'000; ++i) commas += "1,";
  CHECK(members(commas + "1]").size() == 1'000'001);
}
