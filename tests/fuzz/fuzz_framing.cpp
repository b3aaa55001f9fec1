#include "tests/fuzz/check.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ANTIPHON_FUZZ_POISON
#include <sanitizer/asan_interface.h>
#endif
#endif

// However a stream is cut into reads, its frames and the way it ends are the same; and what a framing reads
// it also writes.
//
// The input: '0', '1' or '2' for a framing (3 more for narrow limits), '0' to '7' for the number of bytes
// that follow with the sizes of the reads, then the stream.

namespace {

using antiphon::frame_decoder;
using antiphon::framing;
using antiphon::limits;

std::unique_ptr<framing> (*const framings[])(const limits&) = {
    antiphon::content_length_framing::make, antiphon::line_framing::make, antiphon::sequence_framing::make};

struct heap final : antiphon::buffer_source {
  antiphon::buffer acquire(std::size_t at_least) override { return antiphon::buffer::allocate(at_least); }
};

struct outcome {
  std::vector<std::string> frames;
  antiphon::error_code error;
  friend bool operator==(const outcome&, const outcome&) = default;
};

// What has not arrived yet must not be looked at; the first of it is what a mistake would reach.
std::span<char> next_bytes(std::span<char> space) {
  constexpr std::size_t reach = 256;
  return space.first(std::min(space.size(), reach));
}
void forbid([[maybe_unused]] std::span<char> bytes) {
#ifdef ANTIPHON_FUZZ_POISON
  ASAN_POISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}
void allow([[maybe_unused]] std::span<char> bytes) {
#ifdef ANTIPHON_FUZZ_POISON
  ASAN_UNPOISON_MEMORY_REGION(bytes.data(), bytes.size());
#endif
}

class stream {
 public:
  stream(std::unique_ptr<framing> rules, const limits& bounds)
      : bounds_(bounds), decoder_(std::move(rules), bounds, memory_, antiphon::validation::full) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty() && !result_.error) {
      antiphon::buffer& into = decoder_.prepare();
      fuzz::must(!into.space().empty(), "there is no space to read into");
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
          fuzz::must(awaited_ == 0, "a frame came before the bytes that it needs");
          fuzz::must(last.frame.size() <= bounds_.message_bytes, "a frame is longer than the limit");
          fuzz::must(last.error == antiphon::validate(last.frame, bounds_.depth),
                     "a frame's verdict depends on how it came");
          result_.frames.emplace_back(last.frame);
          continue;
        case framing::status::need_more:
          fuzz::must(last.need > 0 && !last.error, "nothing is needed");
          awaited_ = std::max(awaited_, last.need);
          return;
        case framing::status::failed:
          fuzz::must(last.error.failed(), "it failed without a reason");
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

// `reads` are the sizes of the pieces, one less than each is, over and over; none: all at once.
outcome decode(std::size_t kind, const limits& bounds, std::string_view bytes, std::string_view reads) {
  stream input(framings[kind](bounds), bounds);
  for (std::size_t i = 0; !reads.empty() && !bytes.empty(); ++i) {
    const auto size = std::size_t{1} + static_cast<unsigned char>(reads[i % reads.size()]);
    input.feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  input.feed(bytes);
  return input.finish();
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? std::string_view()
                            : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

void read_back_what_is_written(std::size_t kind, const limits& bounds, std::vector<std::string> messages) {
  std::erase_if(messages, [](const std::string& text) { return antiphon::validate(text, 1024).failed(); });
  const auto rules = framings[kind](bounds);
  std::string bytes;
  for (const std::string& message : messages) {
    std::string head(rules->max_head(), '\0');
    const auto size = rules->write_head(head.data() + head.size(), message.size());
    fuzz::must(size <= head.size(), "a head is longer than announced");
    bytes.append(head, head.size() - size).append(message).append(rules->tail());
  }
  const outcome again = decode(kind, bounds, bytes, {});
  fuzz::must(!again.error && again.frames.size() == messages.size(), "what was written can't be read");
  for (std::size_t i = 0; i < messages.size(); ++i)
    fuzz::must(trimmed(again.frames[i]) == trimmed(messages[i]),
               "what was written is read as something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = fuzz::as_text(data, size);
  if (bytes.size() < 2) return 0;
  const auto choice = static_cast<unsigned char>(bytes[0]);
  const std::size_t kind = choice % 3;
  limits bounds;
  if (choice / 3 % 2 == 1) bounds = {.header_bytes = 48, .message_bytes = 24};
  const std::string_view reads = bytes.substr(2, static_cast<unsigned char>(bytes[1]) % 8);
  bytes.remove_prefix(2 + reads.size());

  const outcome whole = fuzz::same_for_every_scanner([&] { return decode(kind, bounds, bytes, {}); });
  const outcome cut = fuzz::same_for_every_scanner(
      [&] { return decode(kind, bounds, bytes, reads.empty() ? std::string_view("\0", 1) : reads); });
  fuzz::must(whole == cut, "another cut gives something else");
  read_back_what_is_written(kind, bounds, whole.frames);
  return 0;
}
