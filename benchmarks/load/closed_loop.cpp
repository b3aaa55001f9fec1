#include "benchmarks/load/drive.hpp"

namespace load {

void closed_loop(session& over, const message_plan& plan, std::size_t window, refill when,
                 const budget& whole) {
  const time_point begin = clock::now();
  time_point due = begin;
  std::size_t room = window;
  std::uint64_t messages = 0;
  const shape* frame = &plan.at(0);
  for (std::uint64_t turn = 0;;) {
    const time_point now = clock::now();
    if (when == refill::with_each_answer || over.in_flight() == 0) {
      room = window - over.in_flight();
      due = now;
    }
    const auto may_post = [&] {
      return now - begin < whole.time && messages < whole.messages && frame->id_at.size() <= room &&
             over.has_room(*frame);
    };
    while (may_post()) {
      over.post(*frame, due);
      room -= frame->id_at.size();
      messages += frame->messages();
      frame = &plan.at(++turn);
    }
    over.flush();
    if (over.idle()) return;
    if (!over.all_written() || !may_post()) over.wait();
  }
}

}  // namespace load
