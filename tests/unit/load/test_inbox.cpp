#include "benchmarks/load/failure.hpp"
#include "benchmarks/load/inbox.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using load::inbox;

namespace {

std::string headed(std::string_view body) {
  return fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
}

void put(inbox& into, std::string_view bytes) {
  const auto space = into.space();
  REQUIRE(space.size() >= bytes.size());
  std::ranges::copy(bytes, space.begin());
  into.commit(bytes.size());
}

const std::vector<std::string> bodies{R"({"id":1})", R"([{"id":2},{"id":3}])", R"({"id":4,"result":"\"}"})"};

/// Each framing, and how a body looks in it.
struct encoding {
  antiphon::framing_factory rules;
  std::string (*encode)(const std::string& body);
};
const encoding encodings[] = {
    {antiphon::content_length_framing::make, [](const std::string& body) { return headed(body); }},
    {antiphon::line_framing::make, [](const std::string& body) { return body + "\r\n"; }},
    {antiphon::sequence_framing::make, [](const std::string& body) { return body; }},
};

}  // namespace

TEST_CASE("frames come out whole however the input is cut, with the bytes that the framing adds") {
  for (const auto& [rules, encode] : encodings) {
    std::string bytes;
    for (const std::string& body : bodies) bytes += encode(body);
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
      CAPTURE(step);
      inbox box(rules({}));
      std::vector<std::string> seen;
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        put(box, std::string_view(bytes).substr(at, step));
        while (const auto frame = box.next()) {
          CHECK(frame->whole == encode(std::string(frame->body)));
          seen.emplace_back(frame->body);
        }
      }
      CHECK(seen == bodies);
      CHECK_FALSE(box.finish());
    }
  }
}

TEST_CASE("a frame that is skipped by its size is as if it had never come") {
  inbox box(antiphon::content_length_framing::make({}));
  const std::string first = headed(bodies[0]);
  const std::string second = headed(bodies[1]);
  put(box, first + second + "Content-Le");
  CHECK(box.untouched() == first + second + "Content-Le");
  box.skip(first.size());
  REQUIRE(box.untouched() == second + "Content-Le");
  CHECK(box.next().value().body == bodies[1]);
  CHECK(box.untouched() == "Content-Le");
  CHECK_FALSE(box.next());
  // The framing has seen this: it must see the rest, too.
  CHECK(box.untouched().empty());
  put(box, headed(bodies[2]).substr(10));
  CHECK(box.untouched().empty());
  CHECK(box.next().value().whole == headed(bodies[2]));
}

TEST_CASE("a frame of any size fits, among small ones") {
  inbox box(antiphon::content_length_framing::make({}));
  const std::string large = '"' + std::string(3'000'000, 'x') + '"';
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += headed("1") + headed(large);
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at < bytes.size(); at += 50'000) {
    put(box, std::string_view(bytes).substr(at, 50'000));
    while (const auto frame = box.next()) sizes.push_back(frame->body.size());
  }
  CHECK(sizes == std::vector<std::size_t>{1, large.size(), 1, large.size(), 1, large.size()});
}

TEST_CASE("the end of the input inside a frame is a failure") {
  const auto finish_after = [](const antiphon::framing_factory& rules, std::string_view bytes) {
    inbox box(rules({}));
    put(box, bytes);
    while (box.next()) {
    }
    box.finish();
  };
  CHECK_NOTHROW(finish_after(antiphon::content_length_framing::make, headed("1")));
  CHECK_THROWS_AS(finish_after(antiphon::content_length_framing::make, "Content-Length: 9\r\n"),
                  load::failure);
  CHECK_THROWS_AS(finish_after(antiphon::content_length_framing::make, "Content-Length: 9\r\n\r\n"),
                  load::failure);
  CHECK_THROWS_AS(finish_after(antiphon::content_length_framing::make, headed("123").substr(0, 23)),
                  load::failure);
  CHECK_NOTHROW(finish_after(antiphon::line_framing::make, "{}\n\n"));
  CHECK_THROWS_AS(finish_after(antiphon::line_framing::make, "{}\n{"), load::failure);
  CHECK_NOTHROW(finish_after(antiphon::sequence_framing::make, "{}\n"));
  CHECK_THROWS_AS(finish_after(antiphon::sequence_framing::make, "{}{"), load::failure);
}

TEST_CASE("what is no frame is a failure") {
  inbox box(antiphon::content_length_framing::make({}));
  put(box, "Hello, here I am!\r\n\r\n");
  CHECK_THROWS_AS(box.next(), load::failure);
}
