#pragma once

#include "lib/deadline_heap.hpp"
#include "lib/progress_watch.hpp"
#include "lib/supersession.hpp"
#include "transport/reserve.hpp"

#include <antiphon/peer.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

namespace antiphon::detail {

/// What many connections never need: time limits of calls and handlers, and which request is the newest.
struct seldom_needed {
  explicit seldom_needed(const asio::any_io_executor& executor) : deadline_timer(executor) {}
  std::shared_ptr<reserve> memory = std::make_shared<reserve>();  // held by who waits for the timer
  asio::steady_timer deadline_timer;                              // of calls and handlers
  bool armed = false;
  deadline_heap<lender> handler_limits;
  progress_watch progress;
  supersession newest;
};

}  // namespace antiphon::detail
