#include "benchmarks/streaming/cases.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/validate.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <algorithm>
#include <cstring>
#include <memory>

namespace bench {
namespace {

constexpr antiphon::limits bounds;
constexpr std::size_t whole = static_cast<std::size_t>(-1);

// One connection's way in: frames are cut from what comes, validated and looked at.
class reader {
 public:
  // Brings `bytes` in as the socket would, at most `chunk` a read.
  // @return how many valid messages there were
  int feed(std::string_view bytes, std::size_t chunk) {
    int messages = 0;
    while (!bytes.empty()) {
      antiphon::buffer& into = decoder_.prepare();
      const std::size_t size = std::min({bytes.size(), into.space().size(), chunk});
      std::memcpy(into.space().data(), bytes.data(), size);
      into.commit(size);
      bytes.remove_prefix(size);
      messages += take();
    }
    return messages;
  }

 private:
  int take() {
    int messages = 0;
    for (;;) {
      const auto& next = decoder_.next();
      if (next.status != antiphon::framing::status::frame) return messages;
      const auto view = antiphon::message_view::parse(next.frame, bounds);
      benchmark::DoNotOptimize(view);
      if (!next.error && view.kind() != antiphon::message_kind::invalid) ++messages;
    }
  }

  antiphon::buffer_pool pool_;
  antiphon::frame_decoder decoder_{antiphon::content_length_framing::make(bounds), bounds, pool_,
                                   antiphon::validation::full};
};

struct piece {
  std::string_view name;
  std::size_t size;
};
constexpr piece pieces[] = {{"1 B", 1},         {"16 B", 16},         {"64 B", 64},    {"1 KiB", 1 << 10},
                            {"4 KiB", 4 << 10}, {"64 KiB", 64 << 10}, {"whole", whole}};
// Larger messages in 1-byte pieces take too long for what they would tell.
constexpr std::size_t most_in_bytes = (1 << 20) + 4096;

}  // namespace

void add_chunks(const corpus::message& message) {
  const auto frame = std::make_shared<const std::string>(
      "Content-Length: " + std::to_string(message.text.size()) + "\r\n\r\n" + message.text);
  for (const piece& each : pieces) {
    if (each.size == 1 && message.text.size() > most_in_bytes) continue;
    if (each.size != whole && each.size > message.text.size()) continue;
    add(message.name, "chunks " + std::string(each.name), message.text.size(),
        [frame, size = each.size](benchmark::State& state) {
          reader in;
          for (auto _ : state)
            if (in.feed(*frame, size) != 1) state.SkipWithError("the message doesn't come through");
        });
  }
}

}  // namespace bench
