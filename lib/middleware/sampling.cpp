#include <antiphon/middleware/sampling.hpp>

#include <algorithm>
#include <utility>

namespace antiphon {

sampling::sampling(std::uint32_t every, function tell)
    : every_(std::clamp(every, std::uint32_t{1}, std::uint32_t{1} << 31)),  // `draw` gives up to twice that
      random_(static_cast<std::uint64_t>(handler_event::clock::now().time_since_epoch().count()) | 1),
      until_next_(0),
      tell_(std::move(tell)) {
  until_next_ = draw();
}

void sampling::handler_ended(const handler_event& call) {
  if (--until_next_ > 0) return;
  until_next_ = draw();
  tell_({call.method, call.params.size(), call.waited(), call.ran(), call.outcome});
}

// From 1 to twice `every_` less one, so `every_` on average: what comes in a rhythm isn't missed for ever.
std::uint32_t sampling::draw() noexcept {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const std::uint64_t range = 2 * std::uint64_t{every_} - 1;
  return static_cast<std::uint32_t>(1 + (random_ >> 11) % range);
}

}  // namespace antiphon
