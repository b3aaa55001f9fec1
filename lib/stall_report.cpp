#include <antiphon/stall_report.hpp>

#include <fmt/format.h>

#include <iterator>

namespace antiphon {

std::string stall_report::text() const {
  std::string all =
      fmt::format("{} stalled, {} queued{}\n",
                  handlers.size() == 1 ? "1 handler" : fmt::format("{} handlers", handlers.size()), queued,
                  all_await_peer ? ": all that run await the peer" : "");
  for (const stalled_handler& one : handlers) {
    fmt::format_to(std::back_inserter(all), "  {} {}: running for {} ms", one.method,
                   one.id.empty() ? "(notification)" : one.id, one.running.count());
    if (one.calls > 0)
      fmt::format_to(std::back_inserter(all), ", awaiting {} {} of the peer for {} ms", one.calls,
                     one.calls == 1 ? "answer" : "answers", one.awaiting.count());
    all += '\n';
  }
  return all;
}

}  // namespace antiphon
