#include "text_document.hpp"

#include <doctest/doctest.h>

#include <string>

using json_ls::position;
using json_ls::text_document;

namespace {

// One character of each UTF-8 length: 1, 2, 3 and 4 bytes; 1, 1, 1 and 2 UTF-16 units.
const std::string mixed = "a\u00e9\u20ac\U0001D11Ez";

}  // namespace

TEST_CASE("a position counts UTF-16 units, two for an astral character") {
  const text_document document(mixed);
  CHECK(document.position_at(0) == position{0, 0});
  CHECK(document.position_at(1) == position{0, 1});
  CHECK(document.position_at(3) == position{0, 2});
  CHECK(document.position_at(6) == position{0, 3});
  CHECK(document.position_at(10) == position{0, 5});
  CHECK(document.position_at(11) == position{0, 6});
  CHECK(document.position_at(999) == position{0, 6});
}

TEST_CASE("an offset is found from UTF-16 units") {
  const text_document document(mixed);
  CHECK(document.offset_at({0, 0}) == 0);
  CHECK(document.offset_at({0, 1}) == 1);
  CHECK(document.offset_at({0, 2}) == 3);
  CHECK(document.offset_at({0, 3}) == 6);
  CHECK(document.offset_at({0, 5}) == 10);
  CHECK(document.offset_at({0, 6}) == 11);
}

TEST_CASE("the middle of a surrogate pair is its character's start") {
  const text_document document(mixed);
  CHECK(document.offset_at({0, 4}) == 6);
}

TEST_CASE("LF, CR LF and a lone CR each end one line") {
  const text_document document("ab\ncd\r\nef\rgh");
  REQUIRE(document.line_count() == 4);
  CHECK(document.position_at(3) == position{1, 0});
  CHECK(document.position_at(7) == position{2, 0});
  CHECK(document.position_at(10) == position{3, 0});
  CHECK(document.offset_at({1, 0}) == 3);
  CHECK(document.offset_at({2, 1}) == 8);
  CHECK(document.offset_at({3, 2}) == 12);
}

TEST_CASE("an offset inside CR LF is the end of its line") {
  const text_document document("ab\r\ncd");
  CHECK(document.position_at(2) == position{0, 2});
  CHECK(document.position_at(3) == position{0, 2});
  CHECK(document.position_at(4) == position{1, 0});
}

TEST_CASE("a character past the end of its line is the line's end, before its line break") {
  const text_document document("ab\r\ncd\n\rx");
  CHECK(document.offset_at({0, 3}) == 2);
  CHECK(document.offset_at({0, 4000000000U}) == 2);
  CHECK(document.offset_at({1, 99}) == 6);
  CHECK(document.offset_at({2, 5}) == 7);
  CHECK(document.offset_at({3, 5}) == 9);
}

TEST_CASE("a line past the last one is the end of the text") {
  const text_document document("ab\n");
  CHECK(document.line_count() == 2);
  CHECK(document.offset_at({1, 7}) == 3);
  CHECK(document.offset_at({2, 0}) == 3);
  CHECK(document.offset_at({4294967295U, 4294967295U}) == 3);
}

TEST_CASE("an empty document has one empty line") {
  const text_document document("");
  CHECK(document.line_count() == 1);
  CHECK(document.position_at(0) == position{0, 0});
  CHECK(document.offset_at({0, 1}) == 0);
}

TEST_CASE("offsets and positions agree across a long line of astral characters") {
  std::string text = "x\n";
  for (int i = 0; i < 1000; ++i) text += "\U0001F600-";
  const text_document document(text);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::size_t offset = 2 + std::size_t{5} * i;
    const position where{1, 3 * i};
    REQUIRE(document.position_at(offset) == where);
    REQUIRE(document.offset_at(where) == offset);
    REQUIRE(document.offset_at({1, 3 * i + 1}) == offset);
    REQUIRE(document.offset_at({1, 3 * i + 2}) == offset + 4);
  }
}

TEST_CASE("malformed UTF-8 gives positions inside the text") {
  const text_document document("\x80\xff\xf0\x9f\n\xe2\x82");
  for (std::size_t offset = 0; offset <= 8; ++offset) {
    CHECK(document.offset_at(document.position_at(offset)) <= document.text().size());
  }
}
