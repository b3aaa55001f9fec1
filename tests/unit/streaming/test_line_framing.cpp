#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/line_framing.hpp>

#include <doctest/doctest.h>

#include <string>

using antiphon::errc;
using antiphon::limits;
using antiphon::line_framing;

namespace {

using lines = std::vector<std::string>;

test::outcome decode(std::string_view bytes, const limits& bounds = {}) {
  return test::decode(line_framing::make, bytes, bounds);
}

}  // namespace

TEST_CASE("each line is a message, with LF or CRLF behind it") {
  CHECK(decode("{}\n[1]\r\n\"x\"\n").frames == lines{"{}", "[1]", "\"x\""});
}

TEST_CASE("a line's end is done with when the line is") {
  for (const std::string_view bytes : {"{}\n", "{}\r\n"}) {
    test::counting_source memory;
    antiphon::frame_decoder decoder(line_framing::make({}), {}, memory);
    antiphon::buffer& into = decoder.prepare();
    std::memcpy(into.space().data(), bytes.data(), bytes.size());
    into.commit(bytes.size());
    CHECK(decoder.next().frame == "{}");
    CHECK(decoder.buffered() == 0);
  }
}

TEST_CASE("only LF ends a line") {
  // U+2028, U+2029, U+0085, vertical tab, form feed, CR
  const std::string data = "\"\xE2\x80\xA8\xE2\x80\xA9\xC2\x85\v\f\r\"";
  CHECK(decode(data + "\n{}\n").frames == lines{data, "{}"});
}

TEST_CASE("one CR before the LF belongs to the line end, and no more") {
  CHECK(decode("1\r\r\n").frames == lines{"1\r"});
}

TEST_CASE("blank lines are skipped") {
  CHECK(decode("\n\r\n \t \r\n\n{}\n\n\n[]\n\n").frames == lines{"{}", "[]"});
}

TEST_CASE("any number of blank lines costs no memory") {
  test::stream stream(line_framing::make);
  for (int i = 0; i < 1000; ++i) stream.feed(std::string(1000, '\n'));
  stream.feed("{}\n");
  CHECK(stream.result.frames == lines{"{}"});
  CHECK(stream.memory.most_live <= 64 * 1024);
}

TEST_CASE("the limit is inclusive and counts neither LF nor CRLF") {
  const limits bounds{.message_bytes = 10};
  CHECK(decode("0123456789\n0123456789\r\n", bounds).frames.size() == 2);
  CHECK(decode("01234567890\n", bounds).error == errc::message_too_large);
  CHECK(decode("0123456789\r\r\n", bounds).error == errc::message_too_large);
}

TEST_CASE("an endless line is refused at the limit, be it blank") {
  const limits bounds{.message_bytes = 10};
  for (const char c : {'x', ' '}) {
    test::stream stream(line_framing::make, bounds);
    stream.feed(std::string(10, c));
    CHECK_FALSE(stream.result.error);
    stream.feed(std::string(1, c));
    CHECK(stream.result.error == errc::message_too_large);
  }
}

TEST_CASE("an HTTP request line among lines is refused, before its body is there") {
  for (const char* line :
       {"POST / HTTP/1.1\r\n", "GET /a?b=c HTTP/1.0\n", "PRI * HTTP/2.0\r\n", "PUT / HTTP/1.1 \r\n"}) {
    CAPTURE(line);
    test::stream stream(line_framing::make);
    stream.feed("\r\n" + std::string(line));
    CHECK(stream.result.error == errc::http_request);
  }
}

TEST_CASE("a message that mentions HTTP is a message") {
  const lines frames = {"\"POST / HTTP/1.1\"", "{\"a\":\"GET / HTTP/1.1\"}",
                        " HTTP/1.1",           "GET HTTP/1.1",
                        "GET / HTTP/1.x",      "GET / XTTP/1.1"};
  std::string bytes;
  for (const auto& frame : frames) bytes += frame + "\n";
  CHECK(decode(bytes).frames == frames);
}

TEST_CASE("a line without its end when the input ends is no message, and blanks are none either") {
  CHECK(decode("1\n2").frames == lines{"1"});
  CHECK(decode("1\n2").error == errc::truncated_message);
  CHECK_FALSE(decode("1\n \r").error);
}

TEST_CASE("lines go out with a LF behind them and nothing in front") {
  const line_framing rules{limits{}};
  CHECK(rules.tail() == "\n");
  CHECK(rules.max_head() == 0);
  CHECK(rules.write_head(nullptr, 5) == 0);
}
