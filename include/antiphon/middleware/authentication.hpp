#pragma once

#include <antiphon/middleware.hpp>

#include <functional>

namespace antiphon {

/// Refuses everything on a connection until a message has authenticated it.
///
///     options.middleware.push_back(antiphon::authentication::make([](const antiphon::message_event& first) {
///       return first.method() == "login" && first.body() == expected;
///     }));
///
/// The function is asked about each request and notification of a connection until it returns true; that
/// message and all behind it go their way, also to a handler. Until then requests are answered -32600 "not
/// authenticated", or with the `rpc_error` that the function throws, and notifications are dropped. It runs
/// on the executors of all endpoints that this is installed in.
class authentication final : public middleware {
 public:
  using function = std::function<bool(const message_event&)>;

  explicit authentication(function check) : check_(std::move(check)) {}
  static std::shared_ptr<authentication> make(function check) {
    return std::make_shared<authentication>(std::move(check));
  }

  unsigned hooks() const noexcept override { return on_received; }
  std::shared_ptr<middleware> for_connection() override;
  void received(const message_event& message) override;

 private:
  function check_;
  bool passed_ = false;
};

}  // namespace antiphon
