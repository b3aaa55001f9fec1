#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>

#include <doctest/doctest.h>

#include <array>
#include <string>

using antiphon::content_length_framing;
using antiphon::errc;
using antiphon::limits;
using test::headed;

namespace {

test::outcome decode(std::string_view bytes, const limits& bounds = {}) {
  return test::decode(content_length_framing::make, bytes, bounds);
}

// A header block that is fine but for `lines`, and what would be its body.
std::string with_lines(std::string_view lines) { return std::string(lines) + "\r\n{}"; }

struct header_case {
  const char* lines;
  errc error;
};

}  // namespace

TEST_CASE("messages come out one after the other, whatever their size") {
  const std::string large(200'000, 'x');
  const auto got = decode(headed("{}") + headed("") + headed(large) + headed("[1,2]"));
  CHECK(got.frames == std::vector<std::string>{"{}", "", large, "[1,2]"});
  CHECK_FALSE(got.error);
}

TEST_CASE("header names are case-insensitive and blanks around a value don't matter") {
  for (const char* line :
       {"Content-Length: 2", "content-length:2", "CONTENT-LENGTH:\t 2 \t", "cOnTeNt-LeNgTh:   2",
        "Content-Length: 2\r\nContent-Length: 2", "Content-Length: 2\r\nContent-Length: 002"}) {
    CAPTURE(line);
    CHECK(decode(with_lines(std::string(line) + "\r\n")).frames == std::vector<std::string>{"{}"});
  }
}

TEST_CASE("unknown headers are ignored, twenty of them and empty ones too") {
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "X-Header-" + std::to_string(i) + ": a: b; c=\"d\"\r\n";
  lines += "X-Empty:\r\nContent-Length: 2\r\nX-Last: \xC3\xA9\r\n";
  CHECK(decode(with_lines(lines)).frames == std::vector<std::string>{"{}"});
}

TEST_CASE("a bare LF ends a header line as well as CRLF does") {
  CHECK(decode("Content-Length: 2\n\n{}Content-Length: 2\r\n\n[]Content-Length: 2\n\r\n{}").frames ==
        std::vector<std::string>{"{}", "[]", "{}"});
}

TEST_CASE("a header block that can't be trusted ends the stream with its own error") {
  const header_case cases[] = {
      {"", errc::missing_content_length},
      {"X: 1\r\n", errc::missing_content_length},
      {"Content-Type: application/json\r\n", errc::missing_content_length},
      {"Content-Length:\r\n", errc::invalid_content_length},
      {"Content-Length: \t \r\n", errc::invalid_content_length},
      {"Content-Length: -1\r\n", errc::invalid_content_length},
      {"Content-Length: +2\r\n", errc::invalid_content_length},
      {"Content-Length: 0x2\r\n", errc::invalid_content_length},
      {"Content-Length: 2.0\r\n", errc::invalid_content_length},
      {"Content-Length: 2e0\r\n", errc::invalid_content_length},
      {"Content-Length: 2abc\r\n", errc::invalid_content_length},
      {"Content-Length: 2 2\r\n", errc::invalid_content_length},
      {"Content-Length: 2, 2\r\n", errc::invalid_content_length},
      {"Content-Length: \"2\"\r\n", errc::invalid_content_length},
      {"Content-Length: 18446744073709551616\r\n", errc::invalid_content_length},
      {"Content-Length: 99999999999999999999999999\r\n", errc::invalid_content_length},
      {"Content-Length: 18446744073709551615\r\n", errc::message_too_large},
      {"Content-Length: 1000000000000000000\r\n", errc::message_too_large},
      {"Content-Length: 2\r\nContent-Length: 3\r\n", errc::conflicting_content_length},
      {"Content-Length: 3\r\ncontent-length: 2\r\n", errc::conflicting_content_length},
      {"Content-Length : 2\r\n", errc::malformed_header},
      {"Content-Length\t: 2\r\n", errc::malformed_header},
      {" Content-Length: 2\r\n", errc::malformed_header},
      {"Content-Length 2\r\n", errc::malformed_header},
      {"Content-Length: 2\r\nnonsense\r\n", errc::malformed_header},
      {"Content-Length: 2\r\n: 2\r\n", errc::malformed_header},
      {"Content-Length: 2\r\n folded: 2\r\n", errc::malformed_header},
      {"Content-Length: 2\rX: 1\r\n", errc::malformed_header},
      {"Content-Length: 2\r\r\n", errc::malformed_header},
      {"Content-Length: 2\r\r", errc::malformed_header},
      {"{\"jsonrpc\":\"2.0\"}\n", errc::malformed_header},
      {"Content-Length: 2\r\nContent-Type: a/b; charset=latin1\r\n", errc::unsupported_charset},
      {"Content-Type: a/b; charset=utf-16\r\nContent-Length: 2\r\n", errc::unsupported_charset},
      {"Content-Type: a/b; charset=\r\nContent-Length: 2\r\n", errc::unsupported_charset},
      {"Content-Type: a/b; charset=\"us-ascii\"\r\n", errc::unsupported_charset},
      {"Content-Type: a/b; charset=utf-8; charset=utf-7\r\n", errc::unsupported_charset},
  };
  for (const auto& [lines, error] : cases) {
    CAPTURE(lines);
    const auto got = decode(headed("1") + with_lines(lines));
    CHECK(got.frames == std::vector<std::string>{"1"});
    CHECK(got.error == error);
  }
}

TEST_CASE("a NUL in a header line ends the stream, since to some a line ends there") {
  using namespace std::string_literals;
  for (const auto& lines : {"X: a\0b\r\nContent-Length: 2\r\n"s, "Content-Length: 2\r\nX: a\0\r\n"s}) {
    const auto got = decode(headed("1") + with_lines(lines));
    CHECK(got.frames == std::vector<std::string>{"1"});
    CHECK(got.error == errc::malformed_header);
  }
}

TEST_CASE("utf-8 is the charset in any spelling, and other parameters don't matter") {
  for (const char* type :
       {"application/vscode-jsonrpc; charset=utf-8", "application/vscode-jsonrpc; charset=utf8",
        "application/vscode-jsonrpc;charset=UTF-8", "a/b; Charset=\"Utf-8\"", "a/b; CHARSET = \"utf8\" ; v=1",
        "a/b", "", "a/b; note=\"; charset=latin1\"", "a/b; xcharset=latin1", "a/b;;", "a/b; charset"}) {
    CAPTURE(type);
    const auto got = decode(with_lines("Content-Type: " + std::string(type) + "\r\nContent-Length: 2\r\n"));
    CHECK(got.frames == std::vector<std::string>{"{}"});
  }
}

TEST_CASE("an HTTP request is refused at its first line, before its body is there") {
  for (const char* line :
       {"POST / HTTP/1.1\r\n", "GET /index.html HTTP/1.0\n", "POST http://127.0.0.1:8080/rpc HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n", "CONNECT localhost:443 HTTP/1.1\r\n", "M-SEARCH * HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n"}) {
    CAPTURE(line);
    test::stream stream(content_length_framing::make);
    stream.feed(line);
    CHECK(stream.result.error == errc::http_request);
  }
}

TEST_CASE("the message limit is inclusive, counts the body alone, and is held to before the body comes") {
  const limits bounds{.message_bytes = 10};
  CHECK(decode(headed("0123456789"), bounds).frames.size() == 1);

  test::stream stream(content_length_framing::make, bounds);
  stream.feed("Content-Length: 11\r\n");
  CHECK(stream.result.error == errc::message_too_large);
}

TEST_CASE("a message limit above one GiB means one GiB") {
  const limits bounds{.message_bytes = std::size_t(-1)};
  test::stream within(content_length_framing::make, bounds);
  within.feed("Content-Length: 1073741824\r\n\r\n");
  CHECK_FALSE(within.result.error);
  CHECK(within.last.need == 1073741824);
  CHECK(decode("Content-Length: 1073741825\r\n\r\n", bounds).error == errc::message_too_large);
}

TEST_CASE("the header limit is inclusive, and an endless header is refused when it reaches it") {
  const auto header_of = [](std::size_t size) {
    const std::string begin = "Content-Length: 2\r\nX: ";
    return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
  };
  const limits bounds{.header_bytes = 100};
  CHECK(decode(header_of(100) + "{}", bounds).frames.size() == 1);
  CHECK(decode(header_of(101) + "{}", bounds).error == errc::header_too_large);

  test::stream endless(content_length_framing::make, bounds);
  endless.feed(std::string(99, 'x'));
  CHECK_FALSE(endless.result.error);
  endless.feed("x");
  CHECK(endless.result.error == errc::header_too_large);

  std::string many;
  while (many.size() < 200) many += "X: 1\r\n";
  CHECK(decode(many, bounds).error == errc::header_too_large);
}

TEST_CASE("a header limit above 64 KiB means 64 KiB") {
  CHECK(decode(std::string(65'536, 'x'), limits{.header_bytes = std::size_t(-1)}).error ==
        errc::header_too_large);
}

TEST_CASE("a decoder says how many bytes a body still needs") {
  test::stream stream(content_length_framing::make);
  stream.feed("Content-Length: 100\r\n\r\n0123456789");
  CHECK(stream.last.need == 90);
}

TEST_CASE("the end of the input inside a message is told from one between messages") {
  CHECK_FALSE(decode("").error);
  CHECK_FALSE(decode(headed("{}")).error);
  for (const char* rest : {"C", "Content-Length: 5", "Content-Length: 5\r\n", "Content-Length: 5\r\n\r",
                           "Content-Length: 5\r\n\r\n", "Content-Length: 5\r\n\r\n1234"}) {
    CAPTURE(rest);
    const auto got = decode(headed("{}") + rest);
    CHECK(got.frames.size() == 1);
    CHECK(got.error == errc::truncated_message);
  }
}

TEST_CASE("a head is what its own decoder reads") {
  const content_length_framing rules{limits{}};
  for (const std::size_t size :
       {std::size_t(0), std::size_t(9), std::size_t(10), std::size_t(1234567), std::size_t(-1)}) {
    std::array<char, 64> space{};
    const auto written = rules.write_head(space.data() + space.size(), size);
    REQUIRE(written <= rules.max_head());
    CHECK(std::string_view(space.data() + space.size() - written, written) ==
          "Content-Length: " + std::to_string(size) + "\r\n\r\n");
  }
  CHECK(rules.tail().empty());
}
