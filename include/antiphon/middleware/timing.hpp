#pragma once

#include <antiphon/middleware.hpp>

#include <functional>

namespace antiphon {

/// Calls a function with each handler's times when it has ended, for a program's own measuring;
/// `method_statistics` collects percentiles and costs less.
class timing final : public middleware {
 public:
  /// @param method valid during the call
  /// @param waited from arrival to the handler's start
  /// @param ran from there until the answer was encoded
  using function = std::function<void(std::string_view method, handler_event::clock::duration waited,
                                      handler_event::clock::duration ran, handler_outcome outcome)>;

  explicit timing(function tell) : tell_(std::move(tell)) {}
  static std::shared_ptr<timing> make(function tell) { return std::make_shared<timing>(std::move(tell)); }

  unsigned hooks() const noexcept override { return on_handler_ended; }
  void handler_ended(const handler_event& call) override;

 private:
  function tell_;
};

}  // namespace antiphon
