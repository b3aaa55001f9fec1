#pragma once

#include "lib/method_recorder.hpp"
#include "lib/outbox.hpp"
#include "lib/record.hpp"

#include <antiphon/endpoint_options.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/router.hpp>
#include <antiphon/rpc_error.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/output_chain.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace antiphon::detail {

/// Who is told what goes through a connection: middleware, and the statistics of methods. What they refuse,
/// the connection answers. On its executor.
class observers {
 public:
  using clock = std::chrono::steady_clock;

  /// The middleware of both, and the counts of all routes that there are.
  void install(const endpoint_options& options, router& routes);

  /// Whether some middleware has that hook: only then are the next four called.
  bool want(unsigned hook) const noexcept { return (hooks_ & hook) != 0; }
  /// A message has come in.
  /// @returns why a request or notification is refused
  std::optional<rpc_error> received(std::string_view text, const message_view& message,
                                    std::string_view method, bool in_batch);
  /// Text that holds no message.
  void received_invalid(std::string_view text);
  /// An answer, which is the open frame of `frame` but for what stands `before` it.
  void answered(const output_chain& frame, std::size_t before, message_kind kind, std::string_view id,
                std::string_view method) noexcept;
  /// What is ours in the open frame, one message or a batch.
  void sent(const output_chain& frame) noexcept;

  /// Whether somebody wants to know of each request and notification: only then are those below called.
  bool watch() const noexcept { return watch_; }
  /// A request or notification for which there is a handler.
  void arrived(record& call) noexcept;
  /// One that doesn't get as far as that.
  void turned_away(std::string_view method) noexcept;
  /// Only where the call is `observed`.
  /// @returns why it is refused
  std::optional<rpc_error> handler_starts(record& call);
  /// One that arrived has ended, whether its handler has started or not.
  void dealt_with(record& call) noexcept;
  /// The connection is destroyed before it has.
  void abandoned(const record& call) noexcept;

  /// What the handler threw, or what middleware makes of that.
  std::exception_ptr translated(const record& call, std::exception_ptr what) noexcept;

  /// A call's answer was encoded, which stands there.
  void encoded(const record& call, outbox::place where) noexcept {
    if (call.timed) figures_->encoded(*call.route->counts, where);
  }
  /// Some of what was owed is written.
  void written(const outbox& all) noexcept {
    if (figures_) figures_->written(all);
  }
  /// None where none are gathered.
  std::optional<std::vector<method_figures>> figures() const;

 private:
  // For which the clock is read.
  static constexpr unsigned of_handlers = middleware::on_handler_starts | middleware::on_handler_ended;

  void handler_ended(record& call) noexcept;
  void tell_sent(const message_event& event) noexcept;
  void tell_handler_ended(const handler_event& event, std::size_t how_many) noexcept;

  std::vector<std::shared_ptr<middleware>> middleware_;
  unsigned hooks_ = 0;  // that some middleware wants
  bool watch_ = false;
  const router* routes_ = nullptr;
  std::unique_ptr<method_recorder> figures_;
};

// Inline: what every message goes through where there are statistics.

inline void observers::arrived(record& call) noexcept {
  call.outcome = handler_outcome::answered;
  call.begun = false;
  bool timed = false;
  if (figures_) {
    method_counts::add(call.route->counts->received);
    timed = figures_->sample();
  }
  call.timed = timed;
  call.observed = timed || want(of_handlers);
  if (call.observed) [[unlikely]]
    call.received_at = clock::now();
}

inline void observers::dealt_with(record& call) noexcept {
  if (figures_) method_counts::add(call.route->counts->ended[static_cast<std::size_t>(call.outcome)]);
  if (call.begun) [[unlikely]]
    handler_ended(call);
}

}  // namespace antiphon::detail
