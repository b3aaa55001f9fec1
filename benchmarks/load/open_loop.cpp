#include "benchmarks/load/drive.hpp"
#include "benchmarks/load/schedule.hpp"

#include <sys/prctl.h>

namespace load {

void open_loop(session& over, const message_plan& plan, double rate, const budget& whole) {
  // Waiting is as precise as the kernel's timers then, and not the usual 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);

  const shape& request = plan.at(0);
  const schedule planned(clock::now(), rate, whole);
  std::uint64_t next = 0;
  while (next < planned.count() || !over.idle()) {
    const time_point now = clock::now();
    const auto is_due = [&] { return next < planned.count() && planned.due(next) <= now; };
    while (is_due() && over.has_room(request)) over.post(request, planned.due(next++));
    over.flush();
    if (is_due()) {
      // The server is behind: what it takes or answers makes room. Where all was taken, there is room.
      if (!over.all_written() || !over.has_room(request)) over.wait();
    } else if (next < planned.count()) {
      over.wait(planned.due(next));
    } else if (!over.idle()) {
      over.wait();
    }
  }
}

}  // namespace load
