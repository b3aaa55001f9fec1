#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>

// However the input is cut into reads, the frames and the way it ends are the same.

using antiphon::content_length_framing;
using antiphon::framing_factory;
using antiphon::limits;
using antiphon::line_framing;
using antiphon::sequence_framing;
using test::headed;
using test::outcome;

namespace {

struct input {
  const char* name;
  framing_factory rules;
  std::string bytes;
  limits bounds = {};
};

const std::string messages[] = {
    R"({"jsonrpc":"2.0","id":1,"method":"a","params":["\"]}\\",{"b":[]}]})",
    "[]",
    "\"\xF0\x9F\x98\x80 \xE2\x80\xA8 \\ud83d\\ude00\"",
    R"([{"jsonrpc":"2.0","method":"x"}, {"jsonrpc":"2.0","method":"y"}])",
    "-12.5e3",
    "{\"deep\":[[[[[[[[{}]]]]]]]]}",
};

std::string joined(std::string_view between) {
  std::string bytes;
  for (const auto& message : messages) bytes.append(message).append(between);
  return bytes;
}

std::string headed_messages() {
  std::string bytes;
  for (const auto& message : messages) bytes += headed(message);
  return bytes + "content-type: a/b; charset=\"utf-8\"\nX:y\nCONTENT-LENGTH:  2 \n\n{}" + headed("");
}

const input inputs[] = {
    {"headers", content_length_framing::make, headed_messages()},
    {"headers, then a limit",
     content_length_framing::make,
     headed_messages() + headed("0123456789"),
     {.message_bytes = 80}},
    {"headers, then the header limit",
     content_length_framing::make,
     headed("{}") + "X: 012345678901234567890123456789012345678901234567890\r\n\r\n",
     {.header_bytes = 50}},
    {"headers, then nonsense", content_length_framing::make, headed("{}") + "Content-Length: 5x\r\n\r\n{}"},
    {"headers, then a stray CR", content_length_framing::make,
     headed("{}") + "X: 1\rContent-Length: 5\r\n\r\n{}"},
    {"headers, then HTTP", content_length_framing::make, headed("{}") + "POST http://x/ HTTP/1.1\r\n\r\n{}"},
    {"headers, then a conflict", content_length_framing::make,
     headed("{}") + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
    {"headers, cut off", content_length_framing::make, headed_messages() + "Content-Length: 5\r\n\r\n1234"},
    {"lines", line_framing::make, joined("\n")},
    {"lines, CRLF and blank ones", line_framing::make, "\r\n" + joined("\r\n \n\r\n")},
    {"lines, then a limit",
     line_framing::make,
     "0123456789\r\n0123456789\n0123456789\r\r\n",
     {.message_bytes = 10}},
    {"lines, then HTTP", line_framing::make, "{}\n\nPOST / HTTP/1.1\r\nHost: x\r\n\r\n{}\n"},
    {"lines, cut off", line_framing::make, joined("\n") + "{\"a\":"},
    {"texts with nothing between", sequence_framing::make,
     messages[0] + messages[1] + messages[2] + messages[3]},
    {"texts with blanks between", sequence_framing::make, " " + joined("\r\n\t ")},
    {"scalars", sequence_framing::make, "1 2.5e3\ntrue false\"x\"null{}4[]5"},
    {"texts, then a limit", sequence_framing::make, "[1,3] 12345 \"234\"  [1,34]", {.message_bytes = 5}},
    {"texts, then HTTP", sequence_framing::make, "{} OPTIONS * HTTP/1.1\r\n\r\n{}"},
    {"texts, then nonsense", sequence_framing::make, "{} OPTION * HTTP/1.1\r\n\r\n{}"},
    {"texts, cut off", sequence_framing::make, joined(" ") + "[{\"a\\"},
};

}  // namespace

TEST_CASE("every cut into two reads gives what one read gives") {
  for (const auto& [name, rules, bytes, bounds] : inputs) {
    CAPTURE(name);
    const outcome whole = test::decode(rules, bytes, bounds);
    REQUIRE(whole.frames.size() + (whole.error ? 1 : 0) > 1);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      CAPTURE(cut);
      test::stream stream(rules, bounds);
      stream.feed(bytes.substr(0, cut));
      if (!stream.result.error) stream.feed(bytes.substr(cut));
      stream.finish();
      REQUIRE(stream.result == whole);
    }
  }
}

TEST_CASE("reads of one byte give what one read gives") {
  for (const auto& [name, rules, bytes, bounds] : inputs) {
    CAPTURE(name);
    CHECK(test::decode(rules, bytes, bounds, 1) == test::decode(rules, bytes, bounds));
  }
}

TEST_CASE("random reads of a stream that fills many buffers give what one read gives") {
  std::mt19937 random(20240607);
  const auto up_to = [&random](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> bodies;
    for (std::size_t i = up_to(40); i > 0; --i) {
      const std::size_t size = up_to(3) == 0 ? up_to(300'000) : up_to(300);
      bodies.push_back("[\"" + std::string(size, static_cast<char>('a' + up_to(25))) + "\"]");
    }
    std::string with_heads, with_ends, bare;
    for (const auto& body : bodies) {
      with_heads += headed(body);
      with_ends += body + (up_to(1) == 0 ? "\n" : "\r\n");
      bare += body;
    }
    const std::pair<framing_factory, std::string*> streams[] = {{content_length_framing::make, &with_heads},
                                                                {line_framing::make, &with_ends},
                                                                {sequence_framing::make, &bare}};
    for (const auto& [rules, bytes] : streams) {
      test::stream stream(rules);
      std::string_view rest = *bytes;
      const std::size_t most = up_to(1) == 0 ? 200'000 : 3'000;
      while (!rest.empty()) {
        const auto part = rest.substr(0, up_to(most));
        stream.feed(part);
        rest.remove_prefix(part.size());
      }
      stream.finish();
      CHECK(stream.result.frames == bodies);
      CHECK_FALSE(stream.result.error);
    }
  }
}

TEST_CASE("random bytes never confuse a decoder, and every cut of them agrees") {
  std::mt19937 random(7);
  const std::string_view pieces[] = {"Content-Length: 3",
                                     "content-length:0",
                                     "Content-Type: a; charset=utf8",
                                     "\r\n",
                                     "\r\n\r\n",
                                     "\n",
                                     "\r",
                                     "{}",
                                     "[",
                                     "]",
                                     "\"",
                                     "\\",
                                     "1",
                                     "GET / HTTP/1.1",
                                     " ",
                                     ":",
                                     "abc",
                                     "X: y"};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (auto i = random() % 12; i > 0; --i) bytes += pieces[random() % std::size(pieces)];
    const limits bounds{.header_bytes = 40, .message_bytes = 12};
    for (const framing_factory rules :
         {&content_length_framing::make, &line_framing::make, &sequence_framing::make}) {
      CAPTURE(bytes);
      const auto whole = test::decode(rules, bytes, bounds);
      REQUIRE(test::decode(rules, bytes, bounds, 1) == whole);
      REQUIRE(test::decode(rules, bytes, bounds, 1 + random() % 7) == whole);
    }
  }
}
