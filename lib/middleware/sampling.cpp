#include "lib/random_distance.hpp"

#include <antiphon/middleware/sampling.hpp>

#include <algorithm>
#include <utility>

namespace antiphon {

sampling::sampling(std::uint32_t every, function tell)
    : every_(std::clamp(every, std::uint32_t{1}, std::uint32_t{1} << 31)),
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

std::uint32_t sampling::draw() noexcept { return detail::random_distance(random_, every_); }

}  // namespace antiphon
