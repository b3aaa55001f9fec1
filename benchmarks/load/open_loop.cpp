#include "benchmarks/load/drive.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <cmath>

namespace load {

void open_loop(session& over, const message_plan& plan, double rate, const budget& whole) {
  // Waiting is as precise as the kernel's timers then, and not the usual 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);

  const shape& request = plan.at(0);
  const time_point begin = clock::now();
  const auto due = [&](std::uint64_t n) {
    return begin + nanoseconds(static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / rate));
  };
  const std::uint64_t all =
      whole.timed() ? static_cast<std::uint64_t>(std::ceil(seconds_in(whole.time) * rate)) : whole.messages;
  for (std::uint64_t n = 0; n < all || !over.idle();) {
    const time_point now = clock::now();
    const auto may_post = [&] { return n < all && due(n) <= now && over.has_room(request); };
    while (may_post()) over.post(request, due(n++));
    over.flush();
    if (may_post()) continue;
    // What is due already waits for an answer, which makes room for it.
    const bool early = n < all && due(n) > now;
    if (n < all || !over.idle()) over.wait(early ? due(n) : time_point::max());
  }
}

}  // namespace load
