#pragma once

#include "lib/relay/passage.hpp"
#include "lib/relay/target_queue.hpp"

#include <antiphon/relay/target.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::relay::detail {

/// What a target is made of: its queue, its permits, and the requests that it hasn't answered.
///
/// A queue has what waits, a list what was sent. A message leaves the first one when there is a permit and
/// room; an answer, an end of the connection or of its caller takes a request out of either. Nothing of the
/// user's is called in between, so the lists change only as each function says.
class target_core : public std::enable_shared_from_this<target_core> {
 public:
  target_core(std::string name, target_options options);

  const std::string& name() const noexcept { return name_; }
  const target_options& options() const noexcept { return options_; }
  target_state state() const noexcept { return state_; }
  const std::shared_ptr<core::connection>& through() const noexcept { return through_; }

  void starting() noexcept;
  void attach(std::shared_ptr<core::connection> through);
  void detach(std::string reason, bool restarting) noexcept;
  asio::awaitable<bool> drain(std::shared_ptr<target_core> self, std::chrono::milliseconds limit);
  void resume();
  target_stats stats() const;

  /// Passes a request on, which the record stands for until it is answered; always ends it.
  /// @param method its name over there
  /// @param params valid during the call, in one piece or several
  /// @param tap told of the answer, before this returns at the earliest
  void pass_request(core::record& call, std::string_view method, std::span<const slice> params,
                    answer_tap* tap = nullptr) noexcept;
  /// Passes a notification on that came over `from`.
  void pass_notification(core::connection& from, std::string_view method,
                         std::span<const slice> params) noexcept;
  /// A notification of the relay's own: it isn't dropped while the target is there, and nobody is held up for
  /// it.
  void tell(std::string_view method, std::string_view params) noexcept;

  // Called by passages.
  void answered(passage& one, bool is_error, const slice& value) noexcept;
  void failed(passage& one, error_code why) noexcept;
  void cancelled(passage& one) noexcept;
  void caller_gone(passage& one) noexcept;

 private:
  using list = boost::intrusive::list<passage>;

  bool reachable() const noexcept { return through_ != nullptr && through_->takes_requests(); }
  /// Whether messages may wait for it, if it isn't there now.
  bool will_come() const noexcept {
    return state_ == target_state::starting && options_.queue_while_starting;
  }
  bool may_send(bool request) const noexcept {
    return reachable() && !held_ && (!request || in_flight_ < options_.max_in_flight) && through_->has_room();
  }
  bool same_executor(const core::connection& from) noexcept;
  void send(passage& one, std::string_view method, std::span<const slice> params);
  void notify(core::connection* from, std::string_view method, std::span<const slice> params) noexcept;
  void enqueue(core::connection* from, passage& one, std::string_view method, std::span<const slice> params);
  void pump() noexcept;
  void left(passage& one) noexcept;
  void fail_down(core::record& call, std::string_view reason) noexcept;
  void overloaded(core::record& call) noexcept;
  static void out_of_memory(core::record& call) noexcept;
  std::string_view why_down() const noexcept;
  static void lose(passage& one) noexcept {
    if (answer_tap* const tap = std::exchange(one.tap, nullptr)) tap->lost();
  }

  std::string name_;
  std::string name_json_;
  target_options options_;
  target_state state_ = target_state::down;
  std::string reason_ = "it was not started";
  std::shared_ptr<core::connection> through_;
  const core::connection* known_ = nullptr;  // came last, and runs on the same executor
  bool held_ = false;                        // while it is drained
  bool waits_for_room_ = false;

  passage_pool passages_{*this};
  target_queue queue_;
  list sent_;
  std::size_t in_flight_ = 0;
  std::vector<asio::steady_timer*> waiting_;  // until nothing is in flight
  target_stats stats_;
};

/// The connection behind a peer handle; null when there is none.
std::shared_ptr<core::connection> connection_of(const antiphon::peer& handle);
/// `text` as a JSON string. (Not `quoted`: of a std::string, `std::quoted` would be found.)
std::string json_string(std::string_view text);

}  // namespace antiphon::relay::detail
