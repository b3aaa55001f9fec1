#pragma once

#include "tests/fuzz/check.hpp"
#include "tests/fuzz/heap.hpp"
#include "tests/support/sanitized.hpp"

#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#ifdef ANTIPHON_TEST_ADDRESSES
#include <sanitizer/asan_interface.h>
#endif

namespace fuzz {

using antiphon::frame_decoder;
using antiphon::framing;
using antiphon::limits;

/// What a stream consists of, and why it went no further.
struct outcome {
  std::vector<std::string> frames;
  antiphon::error_code error;
  friend bool operator==(const outcome&, const outcome&) = default;
};

// What has not arrived yet must not be looked at; the first of it is what a mistake would reach.
inline std::span<char> next_bytes(std::span<char> space) {
  constexpr std::size_t reach = 256;
  return space.first(std::min(space.size(), reach));
}
inline void forbid([[maybe_unused]] std::span<char> bytes) {
#ifdef ANTIPHON_TEST_ADDRESSES
  ASAN_POISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}
inline void allow([[maybe_unused]] std::span<char> bytes) {
#ifdef ANTIPHON_TEST_ADDRESSES
  ASAN_UNPOISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}

/// A stream that comes in pieces.
class stream {
 public:
  stream(std::unique_ptr<framing> rules, const limits& bounds)
      : bounds_(bounds), decoder_(std::move(rules), bounds, memory_, antiphon::validation::full) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty() && !result_.error) {
      antiphon::buffer& into = decoder_.prepare();
      must(!into.space().empty(), "there is no space to read into");
      const auto size = std::min(bytes.size(), into.space().size());
      std::memcpy(into.space().data(), bytes.data(), size);
      into.commit(size);
      const auto not_arrived = next_bytes(into.space());
      forbid(not_arrived);
      bytes.remove_prefix(size);
      awaited_ -= std::min(awaited_, size);
      take([this] { return decoder_.next(); });
      allow(not_arrived);
    }
  }

  bool failed() const { return result_.error.failed(); }

  outcome finish() {
    if (result_.error) return std::move(result_);
    awaited_ = 0;
    take([this] { return decoder_.finish(); });
    return std::move(result_);
  }

 private:
  template <class Step>
  void take(Step step) {
    for (;;) {
      const frame_decoder::result last = step();
      switch (last.status) {
        case framing::status::frame:
          must(awaited_ == 0, "a frame came before the bytes that it needs");
          must(last.frame.size() <= bounds_.message_bytes, "a frame is longer than the limit");
          must(last.error == antiphon::validate(last.frame, bounds_.depth),
               "a frame's verdict depends on how it came");
          result_.frames.emplace_back(last.frame);
          continue;
        case framing::status::need_more:
          must(last.need > 0 && !last.error, "nothing is needed");
          awaited_ = std::max(awaited_, last.need);
          return;
        case framing::status::failed:
          must(last.error.failed(), "it failed without a reason");
          result_.error = last.error;
          return;
      }
    }
  }

  heap memory_;
  limits bounds_;
  frame_decoder decoder_;
  std::size_t awaited_ = 1;
  outcome result_;
};

}  // namespace fuzz
