#include "tests/unit/streaming/each_scanner.hpp"
#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

// Under validation::full a frame is checked while it arrives.

using antiphon::error_code;
using antiphon::frame_decoder;
using antiphon::framing_factory;
using antiphon::limits;

namespace {

const std::string valid =
    R"({"jsonrpc":"2.0","id":1,"method":"textDocument/didChange","params":{"numbers":[1,22,333,-4.5e6,0],)"
    R"("text":"line\n\ttab \"quoted\" \\ \u00e9 \ud83d\ude00 and so on","words":[true,false,null],"deep":[[[{}]]],)"
    "\"utf8\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"last\":{\"a\":{"
    "\"b\":1}}}}";

struct framed {
  const char* name;
  framing_factory rules;
  std::string (*frame)(const std::string&);
};

const framed framings[] = {
    {"headers", antiphon::content_length_framing::make,
     [](const std::string& text) { return test::headed(text); }},
    {"lines", antiphon::line_framing::make, [](const std::string& text) { return text + "\r\n"; }},
    {"sequence", antiphon::sequence_framing::make, [](const std::string& text) { return text; }},
};

/// The verdicts about the frames in `bytes`, which come in reads of `most` bytes.
std::vector<error_code> verdicts(const framing_factory& rules, std::string_view bytes, std::size_t most) {
  const limits bounds;
  test::counting_source memory;
  frame_decoder decoder(rules(bounds), bounds, memory, antiphon::validation::full);
  std::vector<error_code> found;
  while (!bytes.empty()) {
    antiphon::buffer& into = decoder.prepare();
    const auto size = std::min({bytes.size(), into.space().size(), most});
    std::memcpy(into.space().data(), bytes.data(), size);
    into.commit(size);
    bytes.remove_prefix(size);
    for (auto next = decoder.next(); next.status != frame_decoder::status::need_more; next = decoder.next()) {
      REQUIRE(next.status == frame_decoder::status::frame);
      found.push_back(next.error);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("a frame's verdict is that of its whole text, however it came, and the next frame has its own") {
  test::with_each_scanner([] {
    for (const framed& framing : framings) {
      CAPTURE(framing.name);
      for (std::size_t at = 0; at < valid.size(); at += 3) {
        // Nothing that would end a sequence's text elsewhere.
        std::string broken = valid;
        if (std::strchr("{}[]\"\\", broken[at]) != nullptr) continue;
        broken[at] = '\x01';
        const error_code expected = antiphon::validate(broken, limits().depth);
        CAPTURE(at);
        REQUIRE(expected);
        const std::string bytes = framing.frame(broken) + framing.frame(valid);
        for (const std::size_t most : {1 + at % 7, 64 + at % 5, std::size_t{1000}}) {
          const auto found = verdicts(framing.rules, bytes, most);
          REQUIRE(found.size() == 2);
          REQUIRE(found[0] == expected);
          REQUIRE_FALSE(found[1]);
        }
      }
    }
  });
}

TEST_CASE("a valid frame is valid in pieces of every size") {
  test::with_each_scanner([] {
    for (const framed& framing : framings) {
      CAPTURE(framing.name);
      for (std::size_t most = 1; most < valid.size() + 40; ++most) {
        const auto found = verdicts(framing.rules, framing.frame(valid) + framing.frame(valid), most);
        REQUIRE(found.size() == 2);
        REQUIRE_FALSE(found[0]);
        REQUIRE_FALSE(found[1]);
      }
    }
  });
}

TEST_CASE("what was seen of a line that turns out blank doesn't count for the next") {
  test::with_each_scanner([] {
    for (const std::size_t blanks : {1u, 63u, 79u, 80u, 100u, 1000u}) {
      const std::string bytes = std::string(blanks, ' ') + "\n" + std::string(64, 'x') + "{\"a\":1}\n" +
                                std::string(blanks, ' ') + "\r\n{}\n" + std::string(60'000, ' ');
      for (const std::size_t most : {std::size_t{1}, blanks, blanks + 1, std::size_t{100000}}) {
        const auto found = verdicts(antiphon::line_framing::make, bytes, most);
        REQUIRE(found.size() == 2);
        REQUIRE(found[0] == antiphon::errc::invalid_json);
        REQUIRE_FALSE(found[1]);
      }
    }
  });
}

TEST_CASE("a validator that is given a shorter text takes it for another") {
  test::with_each_scanner([] {
    antiphon::validator check(100);
    check.advance(std::string(1'000, ' '));
    CHECK(check.finish("{}"));
    check.advance(std::string(1'000, ' '));
    check.advance("[");
    CHECK(check.finish("[1]"));
  });
}

TEST_CASE("without being asked for, frames aren't checked") {
  const limits bounds;
  test::counting_source memory;
  frame_decoder decoder(antiphon::line_framing::make(bounds), bounds, memory);
  antiphon::buffer& into = decoder.prepare();
  std::memcpy(into.space().data(), "{]\n", 3);
  into.commit(3);
  const auto next = decoder.next();
  CHECK(next.status == frame_decoder::status::frame);
  CHECK_FALSE(next.error);
}

TEST_CASE("a validator looks at what has come only once") {
  test::with_each_scanner([] {
    if (antiphon::scanner_implementation() == "portable") return;  // it waits for the whole
    antiphon::validator check(100);
    std::string text = "[" + std::string(10'000, ' ') + "]";
    check.advance(std::string_view(text).substr(0, 5'000));
    text.replace(1, 4'000, 4'000, 'x');
    CHECK(check.finish(text));
    CHECK_FALSE(check.finish(text));  // as a new one it is looked at from its beginning
  });
}

TEST_CASE("a validator goes on where the text has been moved to") {
  test::with_each_scanner([] {
    antiphon::validator check(100);
    const std::string text = "{\"a\":\"" + std::string(300, 'x') + "\",\"b\":nul}";
    for (std::size_t size = 0; size < text.size(); size += 41) {
      const std::string so_far = text.substr(0, size);
      check.advance(so_far);
    }
    CHECK_FALSE(check.finish(text));
    std::size_t offset = 0;
    CHECK(antiphon::validate(text, 100, &offset) == antiphon::errc::invalid_json);
    CHECK(offset == text.size() - 1);
    CHECK(check.finish("[]"));
    CHECK_FALSE(check.finish(std::string(101, '[') + std::string(101, ']')));
  });
}
