#include "tests/unit/allocation_failures/each_failure.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/describe/class.hpp>
#include <boost/json/value.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

// Reading and writing while memory runs out: what is read is right, or std::bad_alloc says why there is
// nothing.

namespace {

struct node {
  std::string name;
  std::variant<std::monostate, bool, std::int64_t, std::string, std::vector<node>> value;
  std::optional<std::vector<node>> children;
};
BOOST_DESCRIBE_STRUCT(node, (), (name, value, children))

struct everything {
  std::vector<node> nodes;
  std::map<std::string, std::vector<double>> numbers;
  std::tuple<int, std::string, std::optional<bool>> mixed;
  boost::json::value dom;
};
BOOST_DESCRIBE_STRUCT(everything, (), (nodes, numbers, mixed, dom))

const std::string text =
    R"({"nodes":[{"name":"a name that is too long to lie within","value":[{"name":"inner \u00e9 escaped text",)"
    R"("value":17}],"children":[]},{"name":"b","value":"text that is too long to lie within","children":null}],)"
    R"("numbers":{"a key that is too long to lie within":[1.5,2.5,3e100],"b":[]},)"
    R"("mixed":[1,"some more text that needs memory",true],)"
    R"("dom":{"a":[1,2,{"b":"text"}],"another key of some length":null}})";

std::string written(const everything& value) {
  antiphon::buffer_pool pool;
  antiphon::output_chain out(pool, 64);
  encode(out, value);
  const auto rules = antiphon::content_length_framing::make(antiphon::limits());
  antiphon::output_chain framed(pool, 64);
  framed.begin_frame(*rules);
  try {
    framed.append(std::move(out));
    framed.end_frame(*rules);
  } catch (...) {
    framed.drop_frame();
    throw;
  }
  std::vector<antiphon::slice> parts;
  framed.take(parts);
  std::string all;
  for (const auto& part : parts) all += part.bytes();
  return all;
}

const char* read_and_write() try {
  static const std::string expected = "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  // In pieces, from a source whose blocks are small at first.
  antiphon::buffer_pool pool;
  const antiphon::limits limits;
  antiphon::frame_decoder decoder(antiphon::content_length_framing::make(limits), limits, pool);
  std::string_view rest = expected;
  std::string frame;
  while (frame.empty()) {
    if (rest.empty()) return "no frame came out";
    antiphon::buffer& into = decoder.prepare();
    const std::size_t count = std::min({rest.size(), into.space().size(), std::size_t{100}});
    std::copy_n(rest.data(), count, into.space().data());
    into.commit(count);
    rest.remove_prefix(count);
    const auto& found = decoder.next();
    if (found.error) return "a sound frame was refused";
    if (found.status == antiphon::frame_decoder::status::frame) frame = found.frame;
  }
  const auto value = antiphon::raw_json(frame).decode<everything>();
  // The texts are compared: Boost.JSON asks for memory to compare values, and ends the program without.
  static const std::string sound = written(antiphon::raw_json(text).decode<everything>());
  if (written(value) != sound) return "another value was read, or written";
  return nullptr;
} catch (const std::bad_alloc&) {
  return nullptr;
} catch (const std::exception&) {
  return "another exception than std::bad_alloc";
}

}  // namespace

TEST_CASE("any one request for memory may fail while a message is read and written") {
  REQUIRE(read_and_write() == nullptr);
  const test::outcome all = test::with_each_failure("reading", 0, read_and_write);
  MESSAGE(all.runs, " runs, ", all.bad, " bad");
  CHECK_MESSAGE(all.bad == 0, all.report);
  CHECK(all.runs > 30);
}
