#include "tests/unit/allocations/counting_new.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/scanner.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

// A message costs no memory of its own on its way from bytes to values that own none, and back. Each case
// prints what it counted.

using antiphon::framing;
using antiphon::message_view;
using antiphon::raw_json;
using test::allocations_in;

namespace allocations {

struct position {
  int line = 0;
  int character = 0;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))

enum class trigger { invoked = 1, typed };
BOOST_DESCRIBE_ENUM(trigger, invoked, typed)

enum class severity { error = 1, hint = 4 };

// Each kind of value that owns no memory.
struct message {
  bool flag = false;
  double real = 0;
  std::string_view text;
  allocations::position position;
  std::optional<allocations::position> end;
  std::array<int, 4> numbers{};
  std::tuple<int, std::string_view, bool> mixed;
  std::pair<double, float> couple;
  allocations::trigger trigger{};
  allocations::severity severity{};
  raw_json rest;
};
BOOST_DESCRIBE_STRUCT(message, (),
                      (flag, real, text, position, end, numbers, mixed, couple, trigger, severity, rest))

}  // namespace allocations

namespace {

constexpr std::size_t sizes[] = {170, 4 * 1024, 40 * 1024, 1024 * 1024};

// Requests about as long as asked for, each with another payload: one long string, integers, nested objects.
std::vector<std::string> texts() {
  std::vector<std::string> all;
  for (const std::size_t size : sizes) {
    const std::string head = R"({"jsonrpc":"2.0","id":"a-1","method":"textDocument/didChange","params":)";
    std::string string = "[\"", integers = "[1", objects = R"([{"a":[]})";
    while (head.size() + string.size() < size) string += R"(text \"\\\u00e9 )";
    while (head.size() + integers.size() < size) integers += ",17";
    while (head.size() + objects.size() < size) objects += R"(,{"line":1,"x":[true,null,-1.5e3]})";
    all.push_back(head + string + "\"]}");
    all.push_back(head + integers + "]}");
    all.push_back(head + objects + "]}");
  }
  return all;
}

void report(const std::string& what, std::size_t count) {
  std::printf("%-52s %zu allocations\n", what.c_str(), count);
  CHECK_MESSAGE(count == 0, what);
}

// Under each implementation of the scanner, over all texts; a first round has the memory that stays.
template <class Run>
void count_over_texts(const std::string& what, Run run) {
  const std::vector<std::string> all = texts();
  std::size_t total = 0;
  for (const auto name : antiphon::scanner_implementations()) {
    REQUIRE(antiphon::use_scanner_implementation(name));
    for (const std::string& text : all) run(text);
    total += allocations_in([&] {
      for (const std::string& text : all) run(text);
    });
  }
  antiphon::use_scanner_implementation(antiphon::scanner_implementations().front());
  report(what, total);
}

constexpr std::size_t largest_block = 4 * 1024 * 1024;

// Blocks of one size.
class blocks final : public antiphon::buffer_source {
 public:
  explicit blocks(std::size_t size) : size_(size) {}
  antiphon::buffer acquire(std::size_t at_least) override {
    return antiphon::buffer::allocate(std::max(at_least, size_));
  }

 private:
  std::size_t size_;
};

std::string framed(framing& rules, const std::string& body) {
  std::string head(rules.max_head(), '\0');
  const auto size = rules.write_head(head.data() + head.size(), body.size());
  return head.substr(head.size() - size) + body + std::string(rules.tail());
}

void receive(antiphon::frame_decoder& decoder, std::string_view bytes) {
  while (!bytes.empty()) {
    antiphon::buffer& into = decoder.prepare();
    const auto size = std::min(bytes.size(), into.space().size());
    std::memcpy(into.space().data(), bytes.data(), size);
    into.commit(size);
    bytes.remove_prefix(size);
  }
}

const std::pair<const char*, std::unique_ptr<framing> (*)(const antiphon::limits&)> framings[] = {
    {"Content-Length", antiphon::content_length_framing::make},
    {"lines", antiphon::line_framing::make},
    {"texts without frames", antiphon::sequence_framing::make},
};

// Of `T` from `text`, which must succeed.
template <class T>
void count_decode(const std::string& what, const std::string& text) {
  const raw_json json(text);
  bool decoded = json.try_decode<T>().has_value();
  CHECK_MESSAGE(decoded, what);
  const auto tried = allocations_in([&] { decoded = decoded && json.try_decode<T>().has_value(); });
  const auto thrown = allocations_in([&] { static_cast<void>(json.decode<T>()); });
  CHECK(decoded);
  report(what, tried + thrown);
}

template <class T>
void count_encode(const std::string& what, const T& value) {
  blocks memory(largest_block);
  antiphon::output_chain out(memory, largest_block);
  antiphon::content_length_framing rules({});
  std::vector<antiphon::slice> parts;
  const auto write = [&] {
    for (int i = 0; i < 10; ++i) {
      out.begin_frame(rules);
      antiphon::encode(out, value);
      out.end_frame(rules);
    }
    out.take(parts);
    parts.clear();
  };
  write();
  report(what, allocations_in(write));
}

std::string message_text(std::size_t payload) {
  return R"({"unknown":")" + std::string(payload, 'u') + R"(","flag":true,"real":-1.5e-3,"text":")" +
         std::string(payload, 't') +
         R"(","position":{"line":3,"character":14},"end":{"character":0,"line":4},"numbers":[1,-2,3,4],)"
         R"("mixed":[7,"x",false],"couple":[0.1,2],"trigger":"typed","severity":4,"rest":[")" +
         std::string(payload, 'r') + R"(",{"a":null}]})";
}

}  // namespace

TEST_CASE("what asks for memory is counted") {
  CHECK(allocations_in([] { std::string text(1000, 'x'); }) == 1);
  CHECK(allocations_in([] { std::vector<std::string> many(3, std::string(1000, 'x')); }) == 5);
  CHECK(allocations_in([] { delete[] new (std::nothrow) char[10]; }) <= 1);
  struct alignas(256) wide {
    char bytes[256];
  };
  CHECK(allocations_in([] { std::vector<wide> two(2); }) == 1);
}

TEST_CASE("validating a message asks for no memory") {
  count_over_texts("validate", [](const std::string& text) { REQUIRE(!antiphon::validate(text, 64)); });
}

TEST_CASE("refusing a message asks for no memory") {
  count_over_texts("validate, of half a text", [](const std::string& text) {
    REQUIRE(antiphon::validate(std::string_view(text).substr(0, text.size() / 2), 64).failed());
  });
}

TEST_CASE("looking at a message's envelope asks for no memory") {
  count_over_texts("message_view::parse", [](const std::string& text) {
    REQUIRE(message_view::parse(text).kind() == antiphon::message_kind::request);
  });
}

TEST_CASE("walking a batch asks for no memory") {
  std::string batch = "[";
  for (const std::string& text : texts()) batch += text + " ,";
  batch += "1]";
  std::size_t total = 0;
  for (const auto name : antiphon::scanner_implementations()) {
    REQUIRE(antiphon::use_scanner_implementation(name));
    total += allocations_in([&] {
      antiphon::frame_messages messages(batch);
      REQUIRE(messages.count(100) == 13);
      while (const auto member = messages.next()) message_view::parse(*member);
    });
  }
  report("frame_messages", total);
}

TEST_CASE("cutting frames out of what has arrived asks for no memory") {
  for (const auto& [name, make] : framings) {
    blocks memory(largest_block);
    antiphon::frame_decoder decoder(make({}), {}, memory);
    std::size_t count = 0;
    for (const auto implementation : antiphon::scanner_implementations()) {
      REQUIRE(antiphon::use_scanner_implementation(implementation));
      for (const std::string& text : texts()) {
        receive(decoder, framed(*make({}), text));
        std::size_t found = 0;
        count += allocations_in([&] {
          while (decoder.next().status == framing::status::frame) ++found;
        });
        CHECK(found == 1);
      }
    }
    report("frame_decoder::next, " + std::string(name), count);
  }
}

TEST_CASE("messages that come one after the other share the memory of the first") {
  for (const auto& [name, make] : framings) {
    blocks memory(256 * 1024);
    antiphon::frame_decoder decoder(make({}), {}, memory);
    std::vector<std::string> frames;
    for (const std::string& text : texts())
      if (text.size() <= 64 * 1024) frames.push_back(framed(*make({}), text));
    std::size_t found = 0;
    const auto read_all = [&] {
      for (int round = 0; round < 20; ++round) {
        for (std::string_view rest : frames) {
          for (; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 5000))) {
            receive(decoder, rest.substr(0, 5000));
            while (decoder.next().status == framing::status::frame) ++found;
          }
        }
      }
    };
    read_all();
    const auto count = allocations_in(read_all);
    CHECK(found == 2 * 20 * frames.size());
    report("frame_decoder, reads of 5000 B, " + std::string(name), count);
  }
}

TEST_CASE("decoding a value that owns no memory asks for none") {
  using namespace allocations;
  count_decode<int>("decode int", "-17");
  count_decode<std::uint64_t>("decode uint64", "18446744073709551615");
  count_decode<double>("decode double", "2.2250738585072014e-308");
  count_decode<double>("decode double, 1000 digits", "0." + std::string(1000, '7'));
  count_decode<bool>("decode bool", " true ");
  count_decode<std::nullptr_t>("decode null", "null");
  count_decode<trigger>("decode described enum", "\"typed\"");
  count_decode<severity>("decode enum", "4");
  count_decode<std::optional<int>>("decode optional", "5");
  count_decode<std::optional<int>>("decode optional, null", "null");
  count_decode<std::array<double, 5>>("decode array", "[1,2.5,-3e9,4,5.125]");
  count_decode<std::tuple<int, std::string_view, bool>>("decode tuple", R"([1,"x",true])");
  count_decode<std::pair<std::string_view, int>>("decode pair", R"(["x",1])");
  count_decode<position>("decode struct", R"({"line":3,"character":14})");
  count_decode<position>("decode struct, unknown members", R"({"x":[{}],"line":3,"y":"\\","character":14})");
  for (const std::size_t size : sizes) {
    const std::string bytes = " of " + std::to_string(size) + " bytes";
    const std::string payload(size, 'x');
    count_decode<std::string_view>("decode string_view" + bytes, '"' + payload + '"');
    count_decode<raw_json>("decode raw_json" + bytes, "{\"a\":[\"" + payload + "\",1]}");
    count_decode<message>("decode struct of everything, 3 times" + bytes, message_text(size));
  }
}

TEST_CASE("decoding a variant asks for no memory, whichever alternative fits") {
  using namespace allocations;
  using variant = std::variant<std::monostate, bool, int, trigger, std::string_view, position,
                               std::array<int, 2>, std::tuple<position, double>, raw_json>;
  count_decode<variant>("decode variant, null", "null");
  count_decode<variant>("decode variant, bool", "true");
  count_decode<variant>("decode variant, int", "17");
  count_decode<variant>("decode variant, enumerator", "\"invoked\"");
  count_decode<variant>("decode variant, string", "\"text\"");
  count_decode<variant>("decode variant, struct", R"({"line":3,"character":14})");
  count_decode<variant>("decode variant, array", "[1,2]");
  count_decode<variant>("decode variant, tuple", R"([{"line":3,"character":14},0.5])");
  count_decode<variant>("decode variant, the last", R"({"line":"three"})");
}

TEST_CASE("names with escapes ask for no memory where nothing keeps them") {
  using namespace allocations;
  count_decode<position>("decode struct, name with escape", R"({"l\u0069ne":3,"character":14})");
  count_decode<position>("decode struct, unknown name with escape", R"({"\n":1,"line":3,"character":14})");
  count_decode<trigger>("decode enumerator with escape", R"("typ\u0065d")");
}

TEST_CASE("encoding asks for no memory where the block is there") {
  using namespace allocations;
  count_encode("encode int", -17);
  count_encode("encode double", 0.1);
  count_encode("encode bool", true);
  count_encode("encode string_view", std::string_view("caf\u00e9 \"\\\n"));
  count_encode("encode enum", trigger::typed);
  count_encode("encode optional", std::optional<int>());
  count_encode("encode array", std::array<double, 3>{0.1, 1e300, -3});
  count_encode("encode tuple", std::tuple<int, std::string_view, bool>(1, "x", true));
  count_encode("encode variant", std::variant<int, std::string_view, position>(position{3, 14}));
  for (const std::size_t size : {std::size_t{170}, std::size_t{100 * 1024}}) {
    const std::string text = message_text(size / 4);
    count_encode("encode struct of everything of " + std::to_string(text.size()) + " bytes",
                 raw_json(text).decode<message>());
  }
  antiphon::buffer block = antiphon::buffer::allocate(64 * 1024);
  std::memset(block.data(), '1', block.capacity());
  block.commit(block.capacity());
  count_encode("encode pinned raw_json of 64 KiB", raw_json(block.share(block.bytes())));
}
