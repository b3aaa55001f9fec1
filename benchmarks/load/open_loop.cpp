#include "benchmarks/load/drive.hpp"
#include "benchmarks/load/schedule.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <vector>

namespace load {
namespace {

/// Requests of one kind, each due at its time.
class stream {
 public:
  stream(const shape& request, const schedule& planned, bool measured)
      : request_(&request), planned_(planned), count_(planned.count()), measured_(measured) {}

  bool finished() const { return next_ == count_; }
  /// When the next one is; none when there is none.
  time_point due() const { return finished() ? time_point::max() : planned_.due(next_); }
  bool has_room(const session& over) const { return over.has_room(*request_); }
  /// Posts what is due, as far as there is room.
  void post_due(session& over, time_point now) {
    for (; due() <= now && has_room(over); ++next_)
      over.post(*request_, measured_ ? due() : session::unmeasured);
  }
  void give_up() { count_ = next_; }

 private:
  const shape* request_;
  schedule planned_;
  std::uint64_t next_ = 0;
  std::uint64_t count_;
  bool measured_;
};

}  // namespace

void open_loop(session& over, const message_plan& plan, const options& chosen, const budget& whole) {
  // Waiting is as precise as the kernel's timers then, and not the usual 50 us late.
  ::prctl(PR_SET_TIMERSLACK, 1UL);

  const time_point begin = clock::now();
  const time_point end = chosen.punctual && whole.timed() ? begin + whole.time : time_point::max();
  std::vector<stream> streams{{plan.at(0), schedule(begin, chosen.rate, whole), true}};
  for (std::size_t i = 0; i < plan.beside.size(); ++i)
    streams.emplace_back(plan.beside[i], schedule(begin, chosen.beside[i].rate, whole), false);

  const auto earliest = [&streams] {
    return std::ranges::min_element(streams, {}, [](const stream& each) { return each.due(); });
  };
  for (auto next = earliest(); next->due() != time_point::max() || !over.idle(); next = earliest()) {
    const time_point now = clock::now();
    if (now >= end || streams.front().finished())
      for (stream& each : streams) each.give_up();
    for (stream& each : streams) each.post_due(over, now);
    over.flush();
    next = earliest();
    if (next->due() <= now) {
      // The server is behind: what it takes or answers makes room. Where all was taken, there is room.
      if (!over.all_written() || !next->has_room(over)) over.wait(end);
    } else if (!next->finished()) {
      over.wait(next->due());
    } else if (!over.idle()) {
      over.wait();
    }
  }
}

}  // namespace load
