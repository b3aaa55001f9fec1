#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/sequence_framing.hpp>

#include <doctest/doctest.h>

#include <string>

using antiphon::errc;
using antiphon::limits;
using antiphon::sequence_framing;

namespace {

using texts = std::vector<std::string>;

test::outcome decode(std::string_view bytes, const limits& bounds = {}) {
  return test::decode(sequence_framing::make, bytes, bounds);
}

}  // namespace

TEST_CASE("texts need nothing between them, and any whitespace is fine") {
  CHECK(decode("{}[]{\"a\":[1,{}]}\"x\"{}").frames == texts{"{}", "[]", "{\"a\":[1,{}]}", "\"x\"", "{}"});
  CHECK(decode(" \t\r\n{} \n\n [] ").frames == texts{"{}", "[]"});
}

TEST_CASE("scalars end with whitespace, with the start of a next text, or with the input") {
  CHECK(decode("1 -2.5e+3\ntrue[]false{}null\"\"12").frames ==
        texts{"1", "-2.5e+3", "true", "[]", "false", "{}", "null", "\"\"", "12"});
}

TEST_CASE("brackets and quotes inside strings are data") {
  const texts frames = {R"({"}]\"{":"\\"})", R"("a\"b\\")", R"(["\\\"]"])"};
  CHECK(decode(frames[0] + frames[1] + frames[2]).frames == frames);
}

TEST_CASE("a text with its brackets mixed up comes out as it is, for the validator to refuse") {
  CHECK(decode("{][}{}").frames == texts{"{]", "[}", "{}"});
}

TEST_CASE("a byte that begins no text ends the stream") {
  for (const char* bytes : {"}", "]", ",", ":", "x", "X", "'", "\xEF\xBB\xBF{}", "+1", ".5", "Get / "}) {
    CAPTURE(bytes);
    const auto got = decode("{}" + std::string(bytes));
    CHECK(got.frames == texts{"{}"});
    CHECK(got.error == errc::invalid_json);
  }
  CHECK(decode(std::string_view("{}\0", 3)).error == errc::invalid_json);
  CHECK(decode("1,2").frames == texts{"1"});
  CHECK(decode("1,2").error == errc::invalid_json);
}

TEST_CASE("an HTTP request is refused at its method") {
  for (const char* method :
       {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "}) {
    CAPTURE(method);
    test::stream stream(sequence_framing::make);
    stream.feed(method);
    CHECK(stream.result.error == errc::http_request);
  }
}

TEST_CASE("the limit is inclusive and counts the text alone") {
  const limits bounds{.message_bytes = 6};
  CHECK(decode("   [1,23]    \"3456\" 123456 123456", bounds).frames ==
        texts{"[1,23]", "\"3456\"", "123456", "123456"});
  for (const char* bytes : {"[1,234]", "\"34567\"", "1234567 ", "1234567", "[[[[[[["}) {
    CAPTURE(bytes);
    CHECK(decode(bytes, bounds).error == errc::message_too_large);
  }
}

TEST_CASE("sixteen MiB of open brackets are one message too large") {
  test::stream stream(sequence_framing::make);
  stream.feed(std::string(16 * 1024 * 1024 + 1, '['), 65'536);
  CHECK(stream.result.error == errc::message_too_large);
}

TEST_CASE("the end of the input inside a text is told from one between texts") {
  CHECK_FALSE(decode("{}  ").error);
  for (const char* rest : {"{", "[1", "\"a", "\"a\\", "{\"a\":", "PO"}) {
    CAPTURE(rest);
    CHECK(decode("{} " + std::string(rest)).error == errc::truncated_message);
  }
}
