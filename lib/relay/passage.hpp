#pragma once

#include "lib/connection.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::relay::detail {

namespace core = antiphon::detail;

class target_core;

/// Somebody who looks at the answer to one request before the caller gets it.
class answer_tap {
 public:
  /// @param keeps the request is not cancelled, and goes on when its caller goes away
  explicit answer_tap(bool keeps) noexcept : keeps_request(keeps) {}
  const bool keeps_request;

  virtual void answered(bool is_error, const slice& value) noexcept = 0;
  /// There will be no answer.
  virtual void lost() noexcept = 0;

 protected:
  ~answer_tap() = default;
};

/// A request on its way through a target, or a message that waits for it.
class passage final : public core::transit, public boost::intrusive::list_base_hook<> {
 public:
  explicit passage(target_core& to) noexcept : home(to) {}

  void answered(bool is_error, const slice& value) noexcept override;
  void failed(error_code why) noexcept override;
  void cancelled() noexcept override;
  void caller_gone() noexcept override;

  /// For a message that has to wait.
  void keep(std::string_view method_there, std::span<const slice> of_message);
  /// `from` isn't read from until `let_go`.
  void hold(core::connection& from);
  void let_go() noexcept;

  target_core& home;
  core::record* call = nullptr;  // of the caller's connection; null for a notification
  std::uint64_t forwarded = 0;   // its id over there; 0 while it waits
  answer_tap* tap = nullptr;
  bool told = false;                                // the target knows that it is cancelled
  std::chrono::steady_clock::time_point arrived{};  // where it is timed

  // While it waits.
  std::string as;  // the method over there
  std::vector<slice> params;
  std::size_t bytes = 0;                   // all of it
  std::shared_ptr<core::connection> held;  // whose reading pauses meanwhile
};

/// The passages of one target, which are used again and again.
class passage_pool {
 public:
  explicit passage_pool(target_core& home) noexcept : home_(home) {}
  passage& take();
  /// The record that it stood for has been answered, since what that says of itself stands here.
  void give_back(passage& one) noexcept;

 private:
  target_core& home_;
  std::vector<std::unique_ptr<passage>> all_;
  std::vector<passage*> free_;
};

}  // namespace antiphon::relay::detail
