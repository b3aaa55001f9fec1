#include "tests/unit/allocations/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// Values that own no memory come out of text, and become text, without any.

using antiphon::raw_json;
using test::allocations_in;
using test::blocks;
using test::largest_block;
using test::report;
using test::sizes;

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
