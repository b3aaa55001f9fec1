#pragma once

#include "lib/connection.hpp"

#include <antiphon/router.hpp>

#include <memory>

namespace antiphon::relay::detail {

namespace core = antiphon::detail;

/// Gives what comes in, whatever its method, to a `Taker`, which ends each message some time:
///
///     void request(core::record& call);         // may throw while it hasn't
///     void notification(core::record& call);    // which is over when this returns
///
/// It does so when the message is read, past what waits on that connection, so that all of a client's
/// messages keep their order; what may have to wait does so in a target's queue.
template <class Taker>
class passing_route final : public core::route {
 public:
  explicit passing_route(std::shared_ptr<Taker> to)
      : core::route(antiphon::order::immediate, route_options()), to_(std::move(to)) {}

  void start(core::inbound_call& call) override {
    auto& record = static_cast<core::record&>(call);
    if (!record.notification_) return to_->request(record);
    to_->notification(record);
    call.reply_null();
  }

 private:
  std::shared_ptr<Taker> to_;
};

template <class Taker>
router pass_all_to(std::shared_ptr<Taker> to) {
  router routes;
  routes.any_entry().request = std::make_unique<passing_route<Taker>>(to);
  routes.any_entry().notification = std::make_unique<passing_route<Taker>>(std::move(to));
  return routes;
}

}  // namespace antiphon::relay::detail
