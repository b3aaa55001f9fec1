#include "streaming/scan/kernels.hpp"
#include "streaming/validate_by_bytes.hpp"
#include "tests/unit/streaming/each_scanner.hpp"

#include <antiphon/streaming/scanner.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

// Every implementation of the passes over JSON text does what the plain one does, however the text is cut.

namespace scan = antiphon::detail::scan;

namespace {

/// A copy with nothing behind it, so that a sanitizer sees whoever reads on.
class exact {
 public:
  explicit exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    std::copy(text.begin(), text.end(), bytes_.get());
  }
  const char* begin() const { return bytes_.get(); }
  const char* end() const { return bytes_.get() + size_; }
  std::size_t size() const { return size_; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

// What the kernels should say, as plainly as it can be said.

std::size_t plain_string_end(std::string_view inside) {
  for (std::size_t at = 0; at < inside.size(); ++at) {
    if (inside[at] == '"') return at;
    if (inside[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

// A backslash escapes a quote or backslash behind it wherever it stands: outside of strings there is none in
// JSON.
std::size_t plain_skip(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\')) {
      ++at;
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

void check_skip(std::string_view text, std::mt19937& random) {
  const exact copy(text);
  const std::size_t expected = plain_skip(text);
  for (int cuts = 0; cuts < 3; ++cuts) {
    scan::skip_state state;
    const char* at = copy.begin();
    const char* found = nullptr;
    while (found == nullptr && at != copy.end()) {
      const auto left = static_cast<std::size_t>(copy.end() - at);
      const std::size_t piece = cuts == 0   ? left
                                : cuts == 1 ? 1
                                            : std::min<std::size_t>(left, 1 + random() % 100);
      found = scan::active().skip(at, at + piece, state);
      at += piece;
    }
    const auto got =
        found == nullptr ? std::string_view::npos : static_cast<std::size_t>(found - copy.begin());
    REQUIRE(got == expected);
  }
}

bool checked(std::string_view text, std::size_t piece) {
  const exact copy(text);
  scan::check_state state(100);
  for (std::size_t size = piece; piece != 0 && size < text.size(); size += piece) {
    // What has not come yet is not there.
    const exact so_far(text.substr(0, size));
    if (!scan::active().check(so_far.begin(), so_far.size(), false, state)) return false;
  }
  return scan::active().check(copy.begin(), copy.size(), true, state);
}

void check_check(std::string_view text, std::mt19937& random) {
  // A lone number, word or string is left to the one that goes byte by byte.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool structure = first != text.npos && (text[first] == '{' || text[first] == '[');
  const bool expected = structure && !antiphon::detail::validate_by_bytes(text, 100);
  CAPTURE(text);
  REQUIRE(checked(text, 0) == expected);
  REQUIRE(checked(text, 1 + random() % 130) == expected);
  REQUIRE(checked(text, 64) == expected);
}

std::string random_text(std::mt19937& random, std::size_t most) {
  static const std::vector<std::string> pieces = {
      "{",     "}",    "[",    "]",    ":",        ",",
      "\"",    "\\",   "\\\"", "\\\\", "\\u00e9",  "\\ud83d\\ude00",
      "0",     "1",    "23",   "-4",   "5.6e7",    "true",
      "false", "null", " ",    "\n",   "\xC3\xA9", "\xF0\x9F\x98\x80",
      "\x01",  "\xFF", "abc"};
  std::string text;
  for (std::size_t count = random() % most; count != 0; --count) text += pieces[random() % pieces.size()];
  return text;
}

const std::string sample =
    R"({"jsonrpc":"2.0","id":17,"method":"textDocument/didChange","params":{"list":[1,20,0,-3.5e1,[],{}],)"
    R"("text":"tab\t quote\" backslash\\ \u00e9 \ud83d\ude00 and on for more than one block of sixty-four bytes",)"
    "\"utf8\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",\"numbers\":[1,2,33,444,5555,66666,777777,8888888,"
    "99999999,0,0,10,"
    "11,12,13,14,15,16,17,18,19,20,21,22,23,24,25],\"words\":[true,false,null]}}";

}  // namespace

TEST_CASE("an implementation is chosen by name, and only one that is there") {
  const auto names = antiphon::scanner_implementations();
  REQUIRE_FALSE(names.empty());
  CHECK(names.back() == "portable");
  CHECK_FALSE(antiphon::use_scanner_implementation("abacus"));
  CHECK(std::count(names.begin(), names.end(), antiphon::scanner_implementation()) == 1);
}

TEST_CASE("backslashes of every number, at every place of a block, end the string where they should") {
  test::with_each_scanner([] {
    std::mt19937 random(1);
    for (std::size_t before = 0; before < 70; ++before) {
      for (std::size_t run = 0; run < 70; ++run) {
        const std::string inside = std::string(before, 'x') + std::string(run, '\\') + "\"y\"";
        const exact copy(inside);
        const char* const end = scan::active().string_end(copy.begin(), copy.end());
        REQUIRE(end != nullptr);
        REQUIRE(static_cast<std::size_t>(end - copy.begin()) == plain_string_end(inside));
        check_skip("[\"" + inside + ",{}]", random);
      }
    }
  });
}

TEST_CASE("a string without an end has none") {
  test::with_each_scanner([] {
    for (std::size_t size = 0; size < 200; ++size) {
      const exact plain(std::string(size, 'x'));
      CHECK(scan::active().string_end(plain.begin(), plain.end()) == nullptr);
      const exact escaped(std::string(size, 'x') + "\\\"");
      CHECK(scan::active().string_end(escaped.begin(), escaped.end()) == nullptr);
    }
  });
}

TEST_CASE("what needs an escape is found at every place") {
  test::with_each_scanner([] {
    for (std::size_t size = 0; size < 140; ++size) {
      const exact plain(std::string(size, '\x7f'));
      REQUIRE(scan::active().plain_end(plain.begin(), plain.end()) == plain.end());
      for (const char special : {'"', '\\', '\0', '\x1f'}) {
        const exact with(std::string(size, '\xC3') + special + std::string(size % 7, '"'));
        REQUIRE(scan::active().plain_end(with.begin(), with.end()) == with.begin() + size);
      }
    }
  });
}

TEST_CASE("what is not simple is found at every place, and letters beyond ASCII are not simple") {
  test::with_each_scanner([] {
    for (std::size_t size = 0; size < 140; ++size) {
      const exact simple(std::string(size, '~'));
      REQUIRE(scan::active().simple_end(simple.begin(), simple.end()) == simple.end());
      for (const char special : {'"', '\\', '\0', '\x1f', '\x80', '\xFF'}) {
        const exact with(std::string(size, ' ') + special + std::string(size % 70, 'x'));
        REQUIRE(scan::active().simple_end(with.begin(), with.end()) == with.begin() + size);
      }
    }
  });
}

TEST_CASE("strings are escaped and unescaped as byte by byte, wherever the escapes stand") {
  test::with_each_scanner([] {
    std::mt19937 random(6);
    for (int round = 0; round < 3'000; ++round) {
      std::string plain;
      std::string expected;
      for (std::size_t count = random() % 300; count != 0; --count) {
        static constexpr std::string_view bytes = "\"\\\n\t\x01\x1f/abcdefghi ";
        const char c = round % 3 == 0 ? bytes[random() % bytes.size()] : bytes[random() % 200 % bytes.size()];
        plain += c;
        if (c == '"' || c == '\\') {
          expected += {'\\', c};
        } else if (c == '\n' || c == '\t') {
          expected += {'\\', c == '\n' ? 'n' : 't'};
        } else if (c < ' ') {
          expected += c == 1 ? "\\u0001" : "\\u001f";
        } else {
          expected += c;
        }
      }
      const exact text(plain);
      // Room for some of it only, at first.
      std::string written;
      const char* at = text.begin();
      for (std::size_t room = random() % 600; at != text.end(); room += 100) {
        std::string piece(room, '#');
        char* out = piece.data();
        const char* const stopped = scan::active().escape(at, text.end(), out, piece.data() + piece.size());
        REQUIRE(stopped >= at);
        at = stopped;
        written.append(piece.data(), static_cast<std::size_t>(out - piece.data()));
      }
      REQUIRE(written == expected);

      const exact escaped(expected);
      std::string back(escaped.size() + scan::copy_room, '#');
      char* const end = scan::active().unescape(escaped.begin(), escaped.end(), back.data());
      REQUIRE(end != nullptr);
      back.resize(static_cast<std::size_t>(end - back.data()));
      REQUIRE(back == plain);
    }
  });
}

TEST_CASE("malformed escapes and control characters are refused wherever they stand") {
  test::with_each_scanner([] {
    for (std::size_t before = 0; before < 140; ++before) {
      for (const std::string_view bad :
           {std::string_view("\x1f"), std::string_view("\0", 1), std::string_view("\\x"),
            std::string_view("\\u12g4"), std::string_view("\\ud800"), std::string_view("\\"),
            std::string_view("\\u12")}) {
        const exact text(std::string(before, 'x') + std::string(bad));
        std::string out(text.size() + scan::copy_room, '#');
        REQUIRE(scan::active().unescape(text.begin(), text.end(), out.data()) == nullptr);
      }
      const exact pair(std::string(before, 'x') + "\\ud83d\\ude00\\u00e9");
      std::string out(pair.size() + scan::copy_room, '#');
      char* const end = scan::active().unescape(pair.begin(), pair.end(), out.data());
      REQUIRE(end != nullptr);
      out.resize(static_cast<std::size_t>(end - out.data()));
      REQUIRE(out == std::string(before, 'x') + "\xF0\x9F\x98\x80\xC3\xA9");
    }
  });
}

TEST_CASE("the members that matter are found, whatever the others are and wherever blocks end") {
  test::with_each_scanner([] {
    static const std::vector<std::pair<std::string, std::size_t>> known = {
        {"jsonrpc", 0}, {"id", 1},     {"method", 2}, {"m\\u0065thod", 2},
        {"params", 3},  {"result", 4}, {"error", 5},  {"\\u0069d", 1}};
    std::mt19937 random(7);
    for (int round = 0; round < 3'000; ++round) {
      std::array<std::string, 6> expected;
      std::string object = "{";
      const auto blanks = [&random] { return std::string(random() % 8 == 0 ? random() % 70 : 0, ' '); };
      for (std::size_t count = 1 + random() % 6; count != 0; --count) {
        static const std::vector<std::string> values = {
            "1", "-2.5e3", "true", "null", "\"\"", "\"a\\\"b{[\"", "[]", "{}", "[1,{\"x\":[\"]\"]}]"};
        std::string value = values[random() % values.size()];
        if (random() % 5 == 0) value = "\"" + std::string(random() % 300, 'y') + "\"";
        if (random() % 5 == 0) value = "[\"" + std::string(random() % 300, '{') + "\\\\\"," + value + "]";
        std::string name = std::string(random() % 70, 'n') + (random() % 4 == 0 ? "\\\"" : "");
        if (random() % 3 != 0) {
          const auto& [known_name, place] = known[random() % known.size()];
          name = known_name;
          expected[place] = value;
        }
        if (object.size() > 1) object += ",";
        object += blanks() + "\"" + name + "\"" + blanks() + ":" + blanks() + value + blanks();
      }
      object += "}";
      const exact text(object);
      scan::envelope found;
      REQUIRE(scan::active().members({text.begin(), text.size()}, found));
      const std::array values = {found.jsonrpc, found.id,     found.method,
                                 found.params,  found.result, found.error};
      for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == expected[i]);
      // And none is an object that is cut off, or goes on behind its end.
      const exact cut(std::string_view(object).substr(0, 1 + random() % (object.size() - 1)));
      REQUIRE_FALSE(scan::active().members({cut.begin(), cut.size()}, found));
      const exact more(object + " ");
      REQUIRE_FALSE(scan::active().members({more.begin(), more.size()}, found));
    }
  });
}

TEST_CASE("UTF-8 is told from what only looks like it, at every place of a block") {
  test::with_each_scanner([] {
    for (std::size_t before = 0; before < 130; ++before) {
      for (const char* good : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                               "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        for (const std::size_t behind : {0u, 1u, 70u}) {
          const exact text(std::string(before, 'a') + good + std::string(behind, 'z'));
          REQUIRE(scan::active().is_utf8(text.begin(), text.end()));
        }
        const exact cut(std::string(before, 'a') + std::string(good).substr(0, std::string(good).size() - 1));
        REQUIRE_FALSE(scan::active().is_utf8(cut.begin(), cut.end()));
      }
      for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                              "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5", "\xFF"}) {
        const exact text(std::string(before, 'a') + bad + "zz");
        REQUIRE_FALSE(scan::active().is_utf8(text.begin(), text.end()));
      }
    }
  });
}

TEST_CASE("structures end where they should, in random text cut at random places") {
  test::with_each_scanner([] {
    std::mt19937 random(2);
    for (int round = 0; round < 3'000; ++round) check_skip("[" + random_text(random, 80), random);
    check_skip(sample, random);
  });
}

TEST_CASE(
    "the check agrees with the one that goes byte by byte: one message, cut at every byte and changed at "
    "each") {
  test::with_each_scanner([] {
    std::mt19937 random(3);
    for (std::size_t piece = 0; piece <= sample.size(); ++piece) REQUIRE(checked(sample, piece));
    for (std::size_t at = 0; at < sample.size(); ++at) {
      for (const char c : std::string_view("\"\\{}[]:,0u \n\x01\xC3\x80x", 16)) {
        std::string changed = sample;
        changed[at] = c;
        check_check(changed, random);
      }
      std::string shorter = sample;
      shorter.erase(at, 1);
      check_check(shorter, random);
      check_check(sample.substr(0, at), random);
    }
  });
}

TEST_CASE("the check agrees with the one that goes byte by byte: random text") {
  test::with_each_scanner([] {
    std::mt19937 random(4);
    for (int round = 0; round < 20'000; ++round) check_check(random_text(random, 40), random);
  });
}

TEST_CASE("numbers, words and escapes may stand across every edge of a block") {
  test::with_each_scanner([] {
    std::mt19937 random(5);
    for (std::size_t before = 40; before < 75; ++before) {
      for (const char* token : {"0",
                                "01",
                                "123456789012",
                                "-",
                                "-0",
                                "1.5e+10",
                                "1e",
                                "1.",
                                "tru",
                                "true",
                                "nullx",
                                "falsefalse",
                                "1e400",
                                "\"\\u12\"",
                                "\"\\u1234\"",
                                "\"\\ud83d\"",
                                "\"\\ud83d\\ude00\"",
                                "\"\\ude00\"",
                                "\"\\x\"",
                                "\"\x1f\"",
                                "\"\xC3\xA9\"",
                                "\"\xF0\x9F\x98\x80\"",
                                "\"\xF0\x9F\""}) {
        check_check("[" + std::string(before, ' ') + token + "]", random);
        check_check("[" + std::string(before / 2, '1') + "," + std::string(before - before / 2, ' ') + token,
                    random);
        check_check("[" + std::string(before, ' ') + token + ",1]", random);
        check_check(std::string(before, ' ') + "[" + token + "]", random);
        check_check(std::string(before, ' ') + "{\"a\":" + token + "}", random);
        check_check(std::string(before, ' ') + token, random);
        std::string ones;
        for (std::size_t i = 0; i < before; ++i) ones += "7,";
        check_check("[" + ones + token + "]", random);
      }
    }
  });
}
