#include "benchmarks/load/drive.hpp"

#include <signal.h>
#include <sys/time.h>

namespace load {
namespace {

// Half of what a pipe holds: a write of it doesn't wait, and neither does a server that answers while it
// reads.
constexpr std::size_t short_frame = 32 * 1024;

/// Interrupts a read once a second, for looking whether the server has done nothing for too long: so that no
/// poll is needed before each.
class ticks {
 public:
  ticks() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    every(1);
  }
  ticks(const ticks&) = delete;
  ticks& operator=(const ticks&) = delete;
  ~ticks() { every(0); }

 private:
  static void every(time_t seconds) {
    const itimerval time{.it_interval = {seconds, 0}, .it_value = {seconds, 0}};
    ::setitimer(ITIMER_REAL, &time, nullptr);
  }
};

}  // namespace

void ping_pong(session& over, channel& ends, const message_plan& plan, const budget& whole) {
  const shape& request = plan.at(0);
  // A long message goes out and comes back at the same time, as with a window of one.
  if (request.bytes.size() > short_frame) return closed_loop(over, plan, 1, whole);

  ends.set_blocking(true);
  {
    const ticks interrupting;
    const time_point begin = clock::now();
    time_point now = begin;
    for (std::uint64_t n = 0; n < whole.messages && now - begin < whole.time; ++n) {
      over.post(request, now);
      over.flush();
      while (over.in_flight() != 0) over.receive();
      now = clock::now();
    }
  }
  ends.set_blocking(false);
}

}  // namespace load
