#include "benchmarks/load/drive.hpp"

namespace load {

void notifications(session& over, const message_plan& plan, const budget& whole) {
  const shape& notification = plan.at(0);
  const time_point begin = clock::now();
  std::uint64_t sent = 0;
  for (time_point now = begin; sent < whole.messages && now - begin < whole.time; now = clock::now()) {
    for (; sent < whole.messages && over.has_room(notification); ++sent) over.post(notification, now);
    over.flush();
    over.counts().pace.note(now, sent);
    if (!over.all_written()) over.wait();
  }
  // The last of them are still in the pipe: only an answer says that all were read.
  tally& counts = over.counts();
  tally aside{whole};
  while (!over.all_written()) {
    over.wait();
    over.flush();
  }
  over.count_in(aside);
  probe(over, plan);
  over.count_in(counts);
}

}  // namespace load
