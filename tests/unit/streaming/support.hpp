#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/limits.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace test {

// Hands out blocks of exactly the size asked for, so that a sanitizer sees each byte too many, and counts
// them.
class counting_source final : public antiphon::buffer_source {
 public:
  antiphon::buffer acquire(std::size_t at_least) override {
    auto* block = new counted_block;
    block->bytes = new char[at_least];
    block->capacity = at_least;
    block->recycle = [](antiphon::memory_block* base) noexcept {
      auto* counted = static_cast<counted_block*>(base);
      counted->source->live -= counted->capacity;
      delete[] counted->bytes;
      delete counted;
    };
    block->source = this;
    live += at_least;
    most_live = std::max(most_live, live);
    handed_out += at_least;
    ++acquired;
    return antiphon::buffer(block);
  }

  std::size_t live = 0;
  std::size_t most_live = 0;
  std::size_t handed_out = 0;
  std::size_t acquired = 0;

 private:
  struct counted_block : antiphon::memory_block {
    counting_source* source = nullptr;
  };
};

// What a stream of bytes came to: its frames, then how it ended.
struct outcome {
  std::vector<std::string> frames;
  antiphon::error_code error;
  friend bool operator==(const outcome&, const outcome&) = default;
};

// One stream under one framing, fed by hand.
class stream {
 public:
  explicit stream(const antiphon::framing_factory& rules, const antiphon::limits& bounds = {})
      : decoder(rules(bounds), bounds, memory) {}

  // Brings `bytes` in, in reads of at most `most`, and takes what frames there are after each.
  void feed(std::string_view bytes, std::size_t most = std::size_t(-1)) {
    while (!bytes.empty()) {
      antiphon::buffer& into = decoder.prepare();
      const auto size = std::min({bytes.size(), into.space().size(), most});
      std::memcpy(into.space().data(), bytes.data(), size);
      into.commit(size);
      bytes.remove_prefix(size);
      if (!take([this] { return decoder.next(); })) return;
    }
  }
  void finish() {
    if (!result.error) take([this] { return decoder.finish(); });
  }

  counting_source memory;
  antiphon::frame_decoder decoder;
  outcome result;
  antiphon::frame_decoder::result last;

 private:
  template <class Step>
  bool take(Step step) {
    for (;;) {
      last = step();
      if (last.status == antiphon::framing::status::frame) {
        result.frames.emplace_back(last.frame);
        continue;
      }
      result.error = last.error;
      return !last.error;
    }
  }
};

inline outcome decode(const antiphon::framing_factory& rules, std::string_view bytes,
                      const antiphon::limits& bounds = {}, std::size_t most = std::size_t(-1)) {
  stream whole(rules, bounds);
  whole.feed(bytes, most);
  whole.finish();
  return whole.result;
}

inline std::string headed(std::string_view body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace test
