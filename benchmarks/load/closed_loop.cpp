#include "benchmarks/load/drive.hpp"

namespace load {

void closed_loop(session& over, const message_plan& plan, std::size_t window, const budget& whole) {
  const time_point begin = clock::now();
  std::uint64_t turn = 0;
  std::uint64_t messages = 0;
  while (true) {
    const time_point now = clock::now();
    const bool more = now - begin < whole.time && messages < whole.messages;
    bool added = false;
    while (more && messages < whole.messages) {
      const shape& frame = plan.at(turn);
      if (over.in_flight() + frame.id_at.size() > window || !over.has_room(frame)) break;
      over.post(frame, now);
      messages += frame.messages();
      ++turn;
      added = true;
    }
    over.flush();
    if (over.idle() && !more) return;
    // All gone at once, and perhaps not all that may go: no need to wait.
    if (!added || !over.all_written() || over.in_flight() + plan.at(turn).id_at.size() > window) over.wait();
  }
}

}  // namespace load
