#include "tests/support/sanitized.hpp"
#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

using antiphon::content_length_framing;
using antiphon::errc;
using antiphon::frame_decoder;
using antiphon::framing;
using antiphon::limits;
using antiphon::line_framing;
using antiphon::sequence_framing;
using test::headed;

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

void put(frame_decoder& decoder, std::string_view bytes) {
  auto& into = decoder.prepare();
  REQUIRE(into.space().size() >= bytes.size());
  std::memcpy(into.space().data(), bytes.data(), bytes.size());
  into.commit(bytes.size());
}

// A framing that never finds an end and forgets its limits.
class endless_framing final : public framing {
 public:
  step look(std::string_view) override { return {}; }
  step finish(std::string_view) override { return {}; }
  std::size_t max_head() const noexcept override { return 0; }
  std::size_t write_head(char*, std::size_t) const noexcept override { return 0; }
  std::string_view tail() const noexcept override { return {}; }
};

// Its blocks can be extended, up to a MiB.
class extensible_source final : public antiphon::buffer_source {
 public:
  antiphon::buffer acquire(std::size_t at_least) override {
    auto* block = new extensible;
    block->bytes = block->memory.get();
    block->capacity = at_least;
    block->recycle = [](antiphon::memory_block* one) noexcept { delete static_cast<extensible*>(one); };
    block->extend = [](antiphon::memory_block* one, std::size_t capacity) noexcept {
      if (capacity > mib) return false;
      one->capacity = capacity;
      return true;
    };
    return antiphon::buffer(block);
  }

 private:
  struct extensible : antiphon::memory_block {
    std::unique_ptr<char[]> memory = std::make_unique<char[]>(mib);
  };
};

}  // namespace

TEST_CASE("sixteen MiB in reads of one byte is work in proportion, for each framing") {
  const std::size_t size = support::sanitized ? 2 * mib : 16 * mib;
  if (support::sanitized) MESSAGE("two MiB under a sanitizer");
  const std::string body = "[\"" + std::string(size - 4, 'x') + "\"]";
  const std::pair<antiphon::framing_factory, std::string> streams[] = {
      {content_length_framing::make, headed(body)},
      {line_framing::make, body + "\n"},
      {sequence_framing::make, body}};
  for (const auto& [rules, bytes] : streams) {
    test::stream stream(rules);
    // Of the processor: what else the machine does is no matter here.
    const auto feed = [&stream](std::string_view part) {
      const std::clock_t begin = std::clock();
      stream.feed(part, 1);
      return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    };
    const std::string_view all = bytes;
    const double first = feed(all.substr(0, size / 8));
    const double rest = feed(all.substr(size / 8));
    REQUIRE(stream.result.frames.size() == 1);
    CHECK(stream.result.frames[0] == body);
    MESSAGE("the first eighth: ", first, " s, the rest: ", rest, " s");
    // Seven times as many. If a byte's work grew with what came before it, they would take 63 times as long.
    CHECK(rest < 21 * first);
    if (!support::sanitized) CHECK(first + rest < 30);
    // What growing copies, and with it what is handed out, stays within a small multiple of the message.
    CHECK(stream.memory.handed_out < 5 * bytes.size());
  }
}

TEST_CASE("nothing is allocated ahead of the bytes that came") {
  test::stream stream(content_length_framing::make, limits{.message_bytes = std::size_t(1) << 30});
  stream.feed("Content-Length: 1000000000\r\n\r\n");
  stream.decoder.prepare();
  CHECK(stream.memory.most_live <= 64 * kib);

  std::size_t received = 0;
  const std::string chunk(10 * kib, 'x');
  while (received < 5 * mib) {
    stream.feed(chunk);
    received += chunk.size();
    stream.decoder.prepare();
    REQUIRE(stream.memory.live <= 2 * received + 64 * kib);  // at rest
    REQUIRE(stream.memory.most_live <=
            3 * received + 64 * kib);  // while it grows, the old block beside the new
  }
}

TEST_CASE("a big message's memory is given back once it has been dealt with") {
  for (const antiphon::framing_factory rules : {&content_length_framing::make, &line_framing::make}) {
    test::stream stream(rules);
    const std::string body = "[" + std::string(8 * mib, ' ') + "]";
    const bool heads = stream.decoder.prepare().capacity() != 0 && rules(limits{})->max_head() > 0;
    stream.feed(heads ? headed(body) : body + "\n");
    REQUIRE(stream.result.frames.size() == 1);
    stream.decoder.prepare();
    CHECK(stream.memory.live <= 64 * kib);
  }
}

TEST_CASE("small messages live in one buffer, however many they are") {
  test::stream stream(line_framing::make);
  for (int i = 0; i < 100'000; ++i) stream.feed("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n");
  CHECK(stream.result.frames.size() == 100'000);
  CHECK(stream.memory.acquired == 1);
}

TEST_CASE("a frame lies in the buffer that was read into, not in a copy") {
  test::counting_source memory;
  frame_decoder decoder(line_framing::make({}), {}, memory);
  put(decoder, "[1]\n[2]\n");
  const auto first = decoder.next().frame;
  const auto second = decoder.next().frame;
  CHECK(first.data() + 4 == second.data());
  CHECK(decoder.next().status == framing::status::need_more);
  CHECK(decoder.buffered() == 0);
}

TEST_CASE("a pinned frame stays as it is while the stream goes on") {
  test::counting_source memory;
  frame_decoder decoder(line_framing::make({}), {}, memory);
  std::vector<antiphon::slice> pins;
  std::vector<std::string> expected;
  std::vector<const char*> places;
  std::string carried;
  for (int i = 0; i < 3000; ++i) {
    const std::string line =
        "[" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 200), ' ') + "]";
    // Each read ends inside the next line, so that a partial frame always lies behind pinned ones.
    const std::string bytes = carried + line + "\n";
    const auto cut = bytes.size() - 3;
    put(decoder, std::string_view(bytes).substr(0, cut));
    carried = bytes.substr(cut);
    for (auto got = decoder.next(); got.status == framing::status::frame; got = decoder.next()) {
      pins.push_back(decoder.pin(got.frame));
      places.push_back(got.frame.data());
      expected.emplace_back(got.frame);
    }
  }
  REQUIRE(pins.size() > 2900);
  for (std::size_t i = 0; i < pins.size(); ++i) {
    REQUIRE(pins[i].data() == places[i]);
    REQUIRE(pins[i].bytes() == expected[i]);
  }
  pins.clear();
  decoder.prepare();
  CHECK(memory.live <= 64 * kib);
}

TEST_CASE("a pinned frame stays as it is when the next read begins a new frame") {
  test::counting_source memory;
  frame_decoder decoder(line_framing::make({}), {}, memory);
  std::vector<antiphon::slice> pins;
  for (int i = 0; i < 20'000; ++i) {
    put(decoder, "[" + std::to_string(i) + "]\n");
    pins.push_back(decoder.pin(decoder.next().frame));
  }
  for (int i = 0; i < 20'000; ++i)
    REQUIRE(pins[static_cast<std::size_t>(i)].bytes() == "[" + std::to_string(i) + "]");
  // The space behind pinned frames is used up before another block is taken.
  CHECK(memory.acquired <= 4);
}

TEST_CASE("a message as long as those before it gets a block that holds it, behind pinned ones too") {
  test::counting_source memory;
  frame_decoder decoder(line_framing::make({}), {}, memory);
  const std::string line = "\"" + std::string(40 * kib, 'x') + "\"\n";
  std::vector<antiphon::slice> pins;
  for (int i = 0; i < 5; ++i) {
    // What is as long as the two before it needn't be moved.
    if (i >= 2) CHECK(decoder.prepare().space().size() >= line.size());
    for (std::string_view rest = line; !rest.empty();) {
      const auto part = rest.substr(0, decoder.prepare().space().size());
      put(decoder, part);
      rest.remove_prefix(part.size());
      const auto& found = decoder.next();
      if (found.status == framing::status::frame) pins.push_back(decoder.pin(found.frame));
    }
    REQUIRE(pins.size() == static_cast<std::size_t>(i) + 1);
    CHECK(decoder.next().status == framing::status::need_more);
  }
}

TEST_CASE("the beginning of a message is moved to the front of its block, which doesn't grow for it") {
  extensible_source memory;
  frame_decoder decoder(line_framing::make({}), {}, memory);
  std::string lines;
  while (lines.size() < mib) lines += '"' + std::string(100, 'x') + "\"\n";
  for (std::string_view rest = lines; !rest.empty();) {
    antiphon::buffer& into = decoder.prepare();
    REQUIRE(into.capacity() == 64 * kib);
    const auto size = std::min(rest.size(), into.space().size());
    std::memcpy(into.space().data(), rest.data(), size);
    into.commit(size);
    rest.remove_prefix(size);
    while (decoder.next().status == framing::status::frame) continue;
  }
}

TEST_CASE("a pin outlives its decoder") {
  test::counting_source memory;
  antiphon::slice pin;
  {
    frame_decoder decoder(line_framing::make({}), {}, memory);
    put(decoder, "[1,2]\n");
    pin = decoder.pin(decoder.next().frame.substr(1, 3));
  }
  CHECK(pin.bytes() == "1,2");
  pin = {};
  CHECK(memory.live == 0);
}

TEST_CASE("an abandoned read loses nothing") {
  test::stream stream(content_length_framing::make);
  stream.feed("Content-Length: 5\r\n\r\n12");
  // Reads that were prepared for and never came to anything.
  for (int i = 0; i < 5; ++i) stream.decoder.prepare();
  CHECK(stream.decoder.next().status == framing::status::need_more);
  CHECK(stream.decoder.buffered() == 2);
  stream.feed("345");
  CHECK(stream.result.frames == std::vector<std::string>{"12345"});
}

TEST_CASE("an error is final: every later call says the same") {
  test::stream stream(content_length_framing::make);
  stream.feed("nonsense\r\n");
  REQUIRE(stream.result.error == errc::malformed_header);
  stream.decoder.prepare();
  for (int i = 0; i < 3; ++i) {
    put(stream.decoder, headed("{}"));
    CHECK(stream.decoder.next().error == errc::malformed_header);
    CHECK(stream.decoder.finish().error == errc::malformed_header);
  }
}

TEST_CASE("frames that were not taken yet come out at the end too") {
  test::counting_source memory;
  frame_decoder decoder(sequence_framing::make({}), {}, memory);
  put(decoder, "[1] 2 3");
  CHECK(decoder.finish().frame == "[1]");
  CHECK(decoder.finish().frame == "2");
  CHECK(decoder.finish().frame == "3");
  CHECK(decoder.finish().status == framing::status::need_more);
  CHECK(decoder.finish().status == framing::status::need_more);
}

TEST_CASE("a framing that forgets the limits is held to them, and to saying what was cut off") {
  const auto rules = [](const limits&) -> std::unique_ptr<framing> {
    return std::make_unique<endless_framing>();
  };
  test::stream stream(rules, limits{.message_bytes = mib});
  stream.feed(std::string(3 * mib, 'x'), 16 * kib);
  CHECK(stream.result.error == errc::message_too_large);
  CHECK(stream.memory.most_live < 4 * mib);

  test::stream cut(rules);
  cut.feed("x");
  cut.finish();
  CHECK(cut.result.error == errc::truncated_message);
}
