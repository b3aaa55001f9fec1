#include "benchmarks/load/drive.hpp"

#include <algorithm>

namespace load {
namespace {

// A server that is behind the rate gets four times this to queue, at most (see `ledger`); what is due waits
// here.
constexpr std::size_t open_loop_in_flight = 16 * 1024;

}  // namespace

std::size_t most_in_flight(const options& chosen, const message_plan& plan) {
  if (chosen.mode == mode::open_loop) return open_loop_in_flight;
  std::size_t largest = 1;
  for (const shape& each : plan.shapes) largest = std::max(largest, each.id_at.size());
  return chosen.mode == mode::batch ? chosen.window * largest : std::max(chosen.window, largest);
}

void probe(session& over, const message_plan& plan) {
  over.post(plan.probe, clock::now());
  while (!over.idle()) {
    over.flush();
    over.wait();
  }
}

void drive(session& over, const message_plan& plan, const options& chosen, const budget& whole) {
  const std::size_t window = most_in_flight(chosen, plan);
  switch (chosen.mode) {
    case mode::notifications: notifications(over, plan, whole); break;
    case mode::open_loop: open_loop(over, plan, chosen, whole); break;
    case mode::burst: closed_loop(over, plan, window, refill::after_the_last, whole); break;
    case mode::ping_pong:
    case mode::pipelined:
    case mode::batch:
    case mode::mixed: closed_loop(over, plan, window, refill::with_each_answer, whole); break;
  }
}

}  // namespace load
