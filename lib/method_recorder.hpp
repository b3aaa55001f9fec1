#pragma once

#include "lib/outbox.hpp"

#include <antiphon/histogram.hpp>
#include <antiphon/method_statistics.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/router.hpp>

#include <boost/container/devector.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace antiphon::detail {

/// The counts of one method on one connection. Written on its executor only, so that counting takes no locked
/// instruction; read from anywhere.
struct method_counts : boost::intrusive::list_base_hook<> {
  using counter = std::atomic<std::uint64_t>;
  static void add(counter& count) noexcept {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  counter received{0};
  counter ended[5]{};  // by handler_outcome, without those that were abandoned
  method_account* account = nullptr;
};

/// All that is known of one method.
struct method_account {
  // With the lock of the method_statistics:
  boost::intrusive::list<method_counts> open;  // of connections that are there
  std::uint64_t received = 0;                  // of those that are gone
  std::uint64_t ended[5] = {};

  // With this one, since a snapshot of them takes a while:
  std::mutex times;
  histogram queue;
  histogram run;
  histogram write;
};

/// What one connection tells its `method_statistics`. On the connection's executor only.
class method_recorder {
 public:
  using clock = std::chrono::steady_clock;

  /// Gives each route of `routes` its counts.
  method_recorder(std::shared_ptr<method_statistics> home, router& routes);
  method_recorder(const method_recorder&) = delete;
  method_recorder& operator=(const method_recorder&) = delete;
  ~method_recorder();

  /// Whether the message that has just arrived is one that is timed.
  bool sample() noexcept {
    if (--until_sample_ > 0) return false;
    draw();
    return true;
  }
  void ran(method_counts& counts, clock::duration queued, clock::duration run) noexcept;

  /// An answer was encoded, which stands there.
  void encoded(method_counts& counts, outbox::place where) noexcept;
  /// Some of what was owed is written.
  void written(const outbox& all) noexcept {
    for (const bool second : {false, true}) {
      if (!writing_[second].empty() && all.written(writing_[second].front().where)) take_written(all, second);
    }
  }

  std::vector<method_figures> snapshot() const { return home_->snapshot(); }

 private:
  struct answer {
    outbox::place where;
    clock::time_point encoded;
    method_account* account;
  };

  void draw() noexcept;
  void take_written(const outbox& all, bool second) noexcept;

  std::shared_ptr<method_statistics> home_;
  std::unique_ptr<method_counts[]> counts_;
  std::size_t methods_;
  std::uint32_t until_sample_ = 1;
  std::uint64_t random_;
  std::array<boost::container::devector<answer>, 2> writing_;  // by lane
};

}  // namespace antiphon::detail
