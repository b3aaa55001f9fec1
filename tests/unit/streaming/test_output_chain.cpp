#include "tests/unit/streaming/support.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/output_chain.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <new>
#include <random>

using antiphon::output_chain;
using antiphon::slice;
using test::headed;

namespace {

const antiphon::content_length_framing headers{antiphon::limits()};
const antiphon::line_framing lines{antiphon::limits()};
const std::initializer_list<const antiphon::framing*> both = {&headers, &lines};

// Bytes that tell where they were, so that a displaced one shows.
std::string filler(std::size_t size, std::size_t from = 0) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('!' + (from + i) * 31 % 89);
  return text;
}

slice pinned(antiphon::buffer_source& memory, std::string_view text) {
  auto block = memory.acquire(text.size());
  std::memcpy(block.data(), text.data(), text.size());
  block.commit(text.size());
  return block.share(block.bytes());
}

std::string framed(const antiphon::framing& rules, std::string_view body) {
  return rules.max_head() > 0 ? headed(body) : std::string(body) + '\n';
}

std::string joined(const std::vector<slice>& parts) {
  std::string text;
  for (const slice& part : parts) text.append(part.bytes());
  return text;
}

std::string taken(output_chain& chain) {
  std::vector<slice> parts;
  chain.take(parts);
  for (const slice& part : parts) CHECK_FALSE(part.empty());
  return joined(parts);
}

// A chain and, beside it, what it should hold: the simplest thing that can be right.
class pair_of {
 public:
  pair_of(antiphon::buffer_source& memory, const antiphon::framing& rules,
          std::size_t first_block = 64 * 1024)
      : rules_(rules), chain_(memory, first_block) {}

  void begin() { chain_.begin_frame(rules_); }
  void text(std::string_view bytes) {
    chain_.append(bytes);
    body_ += bytes;
    check();
  }
  void join(const slice& payload) {
    chain_.append(payload);
    body_ += payload.bytes();
    check();
  }
  void reserved(std::size_t size, std::string_view bytes) {
    std::memcpy(chain_.reserve(size), bytes.data(), bytes.size());
    chain_.advance(bytes.size());
    body_ += bytes;
    check();
  }
  void end() {
    chain_.end_frame(rules_);
    closed_ += framed(rules_, body_);
    body_.clear();
    check();
  }
  void drop() {
    chain_.drop_frame();
    body_.clear();
    check();
  }
  void frame(std::string_view bytes) {
    begin();
    text(bytes);
    end();
  }
  void take() {
    const auto before = taken_.size();
    chain_.take(taken_);
    std::string bytes;
    for (std::size_t i = before; i < taken_.size(); ++i) {
      CHECK_FALSE(taken_[i].empty());
      bytes.append(taken_[i].bytes());
    }
    CHECK(bytes.size() == closed_.size());
    CHECK((bytes == closed_));
    closed_before_ += closed_;
    closed_.clear();
    check();
  }
  // What was taken long ago must not have changed since.
  void check_taken() { CHECK((joined(taken_) == closed_before_)); }
  void forget_taken() {
    check_taken();
    taken_.clear();
    closed_before_.clear();
  }

  output_chain& chain() { return chain_; }

 private:
  void check() {
    CHECK(chain_.pending() == closed_.size());
    CHECK(chain_.frame_size() == body_.size());
  }

  const antiphon::framing& rules_;
  output_chain chain_;
  std::string body_;
  std::string closed_;
  std::string closed_before_;
  std::vector<slice> taken_;
};

// Sizes at and around everything that is decided by size.
std::size_t awkward_size(std::mt19937_64& random) {
  constexpr std::size_t edges[] = {0, 9, 99, 256, 999, 4096, 9'999, 16 * 1024, 64 * 1024, 99'999};
  const auto edge = edges[random() % std::size(edges)];
  return edge + random() % 4 - std::min<std::size_t>(edge, 2);
}

}  // namespace

TEST_CASE("a frame of any size has its head and its tail") {
  for (const auto* rules : both) {
    test::counting_source memory;
    {
      pair_of out(memory, *rules);
      for (const std::size_t edge : {0u, 10u, 100u, 1000u, 4096u, 10'000u, 16'384u, 65'536u, 100'000u,
                                     131'072u, 1'000'000u, 1'048'576u, 2'097'152u, 10'000'000u}) {
        for (std::size_t size = edge - std::min<std::size_t>(edge, 2); size <= edge + 1; ++size)
          out.frame(filler(size));
        out.take();
      }
      out.check_taken();
    }
    CHECK(memory.live == 0);
  }
}

TEST_CASE("frames of every size around the end of a buffer, after one another") {
  for (const auto* rules : both) {
    test::counting_source memory;
    {
      for (const std::size_t block : {300u, 1024u}) {
        pair_of out(memory, *rules, block);
        for (std::size_t size = 0; size < 1'100; ++size) {
          out.frame(filler(size, size));
          if (size % 3 == 0) out.take();
        }
        out.take();
        out.check_taken();
      }
    }
    CHECK(memory.live == 0);
  }
}

TEST_CASE("a frame whose tail alone doesn't fit any more") {
  for (std::size_t size = 700; size < 1'100; ++size) {
    test::counting_source memory;
    pair_of out(memory, lines, 1024);
    out.frame(filler(size));
    out.frame("x");
    out.take();
  }
}

TEST_CASE("many small frames leave as one part") {
  for (const auto* rules : both) {
    test::counting_source memory;
    output_chain chain(memory);
    std::string expected;
    for (int i = 0; i < 500; ++i) {
      const auto body = filler(100, static_cast<std::size_t>(i));
      chain.begin_frame(*rules);
      chain.append(body);
      chain.end_frame(*rules);
      expected += framed(*rules, body);
    }
    std::vector<slice> parts;
    chain.take(parts);
    CHECK(parts.size() == 1);
    CHECK((joined(parts) == expected));
    CHECK(memory.acquired == 1);
  }
}

TEST_CASE("what is written into an empty chain stays where it is when its head is put before it") {
  for (const std::size_t size : {10u, 5'000u}) {
    test::counting_source memory;
    output_chain chain(memory);
    chain.begin_frame(headers);
    char* const place = chain.reserve(size);
    chain.append(filler(size));
    chain.end_frame(headers);
    std::vector<slice> parts;
    chain.take(parts);
    REQUIRE(parts.size() == 1);
    CHECK((parts.front().bytes() == headed(filler(size))));
    CHECK(parts.front().data() + parts.front().size() - size == place);
  }
}

TEST_CASE("the frame that was closed last is taken on its own, and those before it stay") {
  for (const auto* rules : both) {
    for (const std::size_t size : {10u, 200'000u}) {
      test::counting_source memory;
      output_chain chain(memory);
      for (const std::string& body : {std::string("first"), filler(size)}) {
        chain.begin_frame(*rules);
        chain.append(body);
        chain.end_frame(*rules);
      }
      CHECK(chain.last_frame_size() == framed(*rules, filler(size)).size());
      std::vector<slice> parts;
      chain.take_last_frame(parts);
      CHECK((joined(parts) == framed(*rules, filler(size))));
      CHECK(chain.last_frame_size() == 0);
      CHECK(chain.pending() == framed(*rules, "first").size());
      CHECK((taken(chain) == framed(*rules, "first")));
    }
  }
}

TEST_CASE("a buffer is used again once all that stood in it has left and been let go") {
  test::counting_source memory;
  output_chain chain(memory, 4096);
  for (int i = 0; i < 1000; ++i) {
    chain.begin_frame(headers);
    chain.append(filler(1000));
    chain.end_frame(headers);
    CHECK(taken(chain) == headed(filler(1000)));
  }
  CHECK(memory.acquired == 1);
}

TEST_CASE("large pinned payloads are joined, small ones and unpinned ones copied") {
  for (const auto* rules : both) {
    for (const std::size_t size : {16'383u, 16'384u, 16'385u, 200'000u}) {
      test::counting_source memory;
      test::counting_source payloads;
      {
        const auto payload = pinned(payloads, filler(size));
        output_chain chain(memory);
        chain.begin_frame(*rules);
        chain.append("<");
        chain.append(payload);
        chain.append(">");
        chain.end_frame(*rules);
        std::vector<slice> parts;
        chain.take(parts);
        CHECK((joined(parts) == framed(*rules, "<" + filler(size) + ">")));
        bool shared = false;
        for (const slice& part : parts) shared = shared || part.data() == payload.data();
        CHECK(shared == (size >= 16'384));
      }
      CHECK(memory.live == 0);
      CHECK(payloads.live == 0);

      const auto text = filler(size);
      output_chain chain(memory);
      chain.append(slice(text));
      std::vector<slice> parts;
      chain.take(parts);
      for (const slice& part : parts) CHECK(part.pinned());
      CHECK((joined(parts) == text));
    }
  }
}

TEST_CASE("payloads join at the beginning, in the middle and at the end of frames") {
  for (const auto* rules : both) {
    test::counting_source memory;
    {
      const auto payload = pinned(memory, filler(20'000));
      pair_of out(memory, *rules, 1024);
      for (int shape = 0; shape < 64; ++shape) {
        out.begin();
        for (int bit = 0; bit < 6; ++bit) {
          if ((shape >> bit & 1) != 0) {
            out.join(payload);
          } else {
            out.text(filler(static_cast<std::size_t>(bit) * 100));
          }
        }
        out.end();
        if (shape % 2 == 0) out.frame("between");
        if (shape % 5 == 0) out.take();
      }
      out.take();
      out.check_taken();
    }
    CHECK(memory.live == 0);
  }
}

TEST_CASE("a dropped frame leaves nothing, whatever it had come to") {
  for (const auto* rules : both) {
    test::counting_source memory;
    {
      const auto payload = pinned(memory, filler(20'000));
      pair_of out(memory, *rules, 1024);
      for (int before = 0; before < 4; ++before) {
        for (int state = 0; state < 7; ++state) {
          INFO("before ", before, " state ", state);
          if (before == 1) out.frame("first");
          if (before == 2) out.frame(filler(5'000));
          if (before == 3) {
            out.frame("first");
            out.take();
          }
          if (state > 0) out.begin();
          if (state == 2) out.text("some");
          if (state == 3) out.text(filler(3'000));
          if (state == 4) out.join(payload);
          if (state == 5) {
            out.text("some");
            out.join(payload);
            out.text("more");
          }
          if (state == 6) {
            out.join(payload);
            out.text(filler(3'000));
            out.join(payload);
          }
          out.drop();
          out.drop();  // with no frame open there is nothing to drop
          if (before % 2 == 0) out.take();
          out.frame("after");
          out.take();
        }
      }
      out.check_taken();
    }
    CHECK(memory.live == 0);
  }
}

TEST_CASE("space that was reserved may be used in part or not at all") {
  test::counting_source memory;
  pair_of out(memory, headers, 1024);
  for (std::size_t size = 1; size <= 4096; size += 61) {
    out.begin();
    out.reserved(size, filler(size));
    out.reserved(size, filler(size / 2));
    out.reserved(size, "");
    out.text("end");
    out.end();
  }
  out.take();
}

TEST_CASE("text without frames is a piece of a later frame") {
  test::counting_source memory;
  {
    output_chain piece(memory, 64);
    const auto payload = pinned(memory, filler(20'000));
    piece.append("[");
    piece.append(filler(500));
    piece.append(payload);
    piece.append(filler(100));
    piece.append("]");
    CHECK(piece.pending() == 0);
    std::vector<slice> parts;
    piece.take(parts);
    const auto expected = "[" + filler(500) + filler(20'000) + filler(100) + "]";
    CHECK((joined(parts) == expected));

    pair_of out(memory, headers);
    out.begin();
    for (const slice& part : parts) out.join(part);
    out.end();
    out.take();

    piece.append("again");
    CHECK(taken(piece) == "again");
    CHECK(taken(piece).empty());
  }
  CHECK(memory.live == 0);
}

TEST_CASE("a chain without a byte gives out nothing") {
  test::counting_source memory;
  output_chain chain(memory);
  chain.append(std::string_view());
  chain.append(slice());
  CHECK(taken(chain).empty());
  CHECK(chain.pending() == 0);
  CHECK(memory.acquired == 0);
}

TEST_CASE("a chain that moved goes on where it was") {
  test::counting_source memory;
  output_chain first(memory, 1024);
  first.begin_frame(lines);
  first.append(filler(2'000));
  first.end_frame(lines);
  output_chain second(std::move(first));
  second.begin_frame(lines);
  second.append("x");
  second.end_frame(lines);
  CHECK((taken(second) == filler(2'000) + "\nx\n"));
}

TEST_CASE("random frames, payloads, drops and takes give the bytes of a plain string") {
  for (const auto* rules : both) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      INFO("seed ", seed);
      std::mt19937_64 random(seed);
      test::counting_source memory;
      {
        constexpr std::size_t blocks[] = {64, 300, 4096, 64 * 1024, 2 * 1024 * 1024};
        pair_of out(memory, *rules, blocks[random() % std::size(blocks)]);
        for (int frame = 0; frame < 60; ++frame) {
          out.begin();
          for (auto pieces = random() % 6; pieces > 0; --pieces) {
            const auto size = awkward_size(random);
            switch (random() % 4) {
              case 0: out.join(pinned(memory, filler(size, size))); break;
              case 1:
                out.reserved(std::min<std::size_t>(size + 1, 4096),
                             filler(std::min<std::size_t>(size, 4000)));
                break;
              case 2: out.text(filler(size % 64)); break;
              default: out.text(filler(size, size));
            }
          }
          if (random() % 4 == 0) {
            out.drop();
          } else {
            out.end();
          }
          if (random() % 3 == 0) out.take();
          if (random() % 8 == 0) out.forget_taken();
        }
        out.take();
        out.check_taken();
      }
      CHECK(memory.live == 0);
    }
  }
}

namespace {

// Fails the allocation that is asked to.
class failing_source final : public antiphon::buffer_source {
 public:
  antiphon::buffer acquire(std::size_t at_least) override {
    if (left-- == 0) throw std::bad_alloc();
    return memory.acquire(at_least);
  }
  test::counting_source memory;
  std::size_t left = std::size_t(-1);
};

}  // namespace

TEST_CASE("a frame that no memory was found for is dropped, and the others are whole") {
  for (const auto* rules : both) {
    for (std::size_t failing = 0; failing < 12; ++failing) {
      failing_source memory;
      {
        const auto payload = pinned(memory.memory, filler(20'000));
        output_chain chain(memory, 512);
        memory.left = failing;
        std::string expected;
        for (std::size_t i = 0; i < 8; ++i) {
          const auto body = filler(i * 300, i);
          try {
            chain.begin_frame(*rules);
            chain.append(body);
            if (i % 3 == 2) chain.append(payload);
            chain.append(body);
            chain.end_frame(*rules);
            expected += framed(*rules, i % 3 == 2 ? body + filler(20'000) + body : body + body);
          } catch (const std::bad_alloc&) {
            chain.drop_frame();
          }
        }
        CHECK(chain.pending() == expected.size());
        CHECK((taken(chain) == expected));
      }
      CHECK(memory.memory.live == 0);
    }
  }
}

TEST_CASE("the memory that a big frame took is given back with it") {
  test::counting_source memory;
  output_chain chain(memory);
  for (int round = 0; round < 2; ++round) {
    chain.begin_frame(headers);
    chain.append(filler(10 * 1024 * 1024));
    chain.end_frame(headers);
    CHECK(taken(chain) == headed(filler(10 * 1024 * 1024)));
    CHECK(memory.live <= 256 * 1024);
    chain.begin_frame(headers);
    chain.append("{}");
    chain.end_frame(headers);
    CHECK(taken(chain) == headed("{}"));
  }
}
