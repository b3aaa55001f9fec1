#pragma once

#include "lib/processor.hpp"
#include "lib/waiting.hpp"
#include "streaming/id_text.hpp"

#include <antiphon/call_context.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/output_chain.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>

namespace antiphon::detail {

class route;
class transit;

/// No frame at all: what a member of a batch is written with, so that it can be taken back like a frame.
class bare_framing final : public framing {
 public:
  step look(std::string_view) override { return {}; }
  step finish(std::string_view) override { return {}; }
  std::size_t max_head() const noexcept override { return 0; }
  std::size_t write_head(char*, std::size_t) const noexcept override { return 0; }
  std::string_view tail() const noexcept override { return {}; }
};

/// The answers of one incoming batch, gathered until the last one is there.
struct batch_reply {
  static constexpr std::size_t block = 4 * 1024;
  explicit batch_reply(buffer_source& source) : members(source, block) {}
  output_chain members;
  std::size_t answered = 0;
  std::size_t bytes = 0;
  std::size_t unbounded = 0;  // of them: see outbox
  /// Bytes of memory that its answers take: the shortest takes a block.
  std::size_t held() const noexcept { return answered == 0 ? 0 : std::max(bytes, block); }
  /// Requests not yet answered, and one for the walk itself while it goes on.
  std::size_t open = 1;
};

/// An incoming message from its arrival to the end of its handler.
class record final : public inbound_call, public processor::item {
 public:
  using call_context::cancelled_;
  using call_context::connection_;
  using call_context::generation_;
  using call_context::id_;
  using call_context::method_;
  using call_context::notification_;
  using call_context::params_;
  using inbound_call::cancel_;

  std::string_view text;  // of the message
  detail::route* route = nullptr;
  std::shared_ptr<batch_reply> batch;
  detail::transit* transit = nullptr;  // what will answer it, where it is forwarded
  slice pinned;                        // the message's memory, once it is kept
  asio::awaitable<void> handler;       // what `runner` is to run
  waiter<> runner;                     // see run_handlers; there while it has nothing to do
  bool kept = false;
  bool registered = false;  // among the requests in flight
  bool coroutine = false;   // released when its coroutine has ended, not when it has answered
  bool orphan = false;      // that coroutine was destroyed before it was done
  bool answered = false;
  std::uint32_t awaiting = 0;  // calls of the handler to the peer

  // For those who watch; see observers.hpp.
  handler_outcome outcome = handler_outcome::answered;
  bool timed = false;     // for the method's figures
  bool observed = false;  // somebody wants to know of its handler, or it is timed
  bool begun = false;     // and the handler has started
  std::chrono::steady_clock::time_point received_at;
  std::chrono::steady_clock::time_point started_at;
};

/// Requests that are kept and not yet answered, to be found by their ids' texts.
class requests_in_flight {
 public:
  bool empty() const noexcept { return all_.empty(); }
  /// Null when there is none with that id.
  record* find(std::string_view id) const noexcept {
    if (empty()) return nullptr;
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : *found;
  }
  /// Once; one whose id is null is no one's to find. Its id has to stay where it is.
  void add(record& call) {
    if (call.registered || call.id_ == "null") return;
    all_.insert(&call);
    call.registered = true;
  }
  void remove(record& call) noexcept {
    if (call.registered) all_.erase(&call);
    call.registered = false;
  }

 private:
  struct by_id {
    using is_transparent = void;
    static std::string_view id(std::string_view text) noexcept { return text; }
    static std::string_view id(const record* call) noexcept { return call->id_; }
    std::size_t operator()(const auto& call) const noexcept { return hash_of_id(id(call)); }
    bool operator()(const auto& a, const auto& b) const noexcept { return same_id(id(a), id(b)); }
  };
  boost::unordered_flat_set<record*, by_id, by_id> all_;
};

}  // namespace antiphon::detail
