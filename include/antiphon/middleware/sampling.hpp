#pragma once

#include <antiphon/middleware.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace antiphon {

/// One message that was measured. Valid during the call only.
struct message_sample {
  std::string_view method;
  std::size_t params_bytes = 0;
  handler_event::clock::duration waited{};  // from arrival to the handler's start
  handler_event::clock::duration ran{};     // from there until the answer was encoded
  handler_outcome outcome = handler_outcome::answered;
};

/// Tells a function of one handled message in `every`, chosen at random, with its size and times: for
/// instrumentation that costs more than the library's own figures. No message is parsed or encoded for it.
/// The clock is read for every message all the same, since it isn't known before how one will end.
class sampling final : public middleware {
 public:
  using function = std::function<void(const message_sample&)>;

  /// @param every at least 1, which is all of them
  sampling(std::uint32_t every, function tell);
  static std::shared_ptr<sampling> make(std::uint32_t every, function tell) {
    return std::make_shared<sampling>(every, std::move(tell));
  }

  unsigned hooks() const noexcept override { return on_handler_ended; }
  /// Each connection draws for itself; the function is called from all of them.
  std::shared_ptr<middleware> for_connection() override { return make(every_, tell_); }
  void handler_ended(const handler_event& call) override;

 private:
  std::uint32_t draw() noexcept;

  std::uint32_t every_;
  std::uint64_t random_;
  std::uint32_t until_next_;
  function tell_;
};

}  // namespace antiphon
