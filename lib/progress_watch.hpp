#pragma once

#include "lib/pending_calls.hpp"
#include "lib/saturating_time.hpp"
#include "lib/tidy_map.hpp"
#include "streaming/id_text.hpp"

#include <antiphon/endpoint_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace antiphon::detail {

/// Which calls the peer's progress gives time. A state machine without I/O.
class progress_watch {
 public:
  using clock = pending_calls::clock;

  /// @param timeout what each progress gives the call from then on
  /// @param last when the call ends whatever progress it makes
  void add(const progress_token& token, std::uint64_t call, std::chrono::milliseconds timeout,
           clock::time_point last, pending_calls& calls) {
    const auto in_flight = [&calls](const watched& one) { return calls.find(one.call) != nullptr; };
    calls_.place(token.json(), in_flight) = {call, timeout, last};
  }

  /// The peer has told of progress.
  /// @param token as it stands in the message
  void seen(std::string_view token, clock::time_point now, pending_calls& calls) {
    const watched* one = calls_.find(token);
    pending_calls::entry* call = one != nullptr ? calls.find(one->call) : nullptr;
    if (call == nullptr || call->deadline == clock::time_point::max()) return;
    // Never earlier than before.
    calls.set_deadline(*call, std::max(call->deadline, std::min(after(now, one->timeout), one->last)));
  }
  std::size_t size() const noexcept { return calls_.size(); }

 private:
  struct watched {
    std::uint64_t call = 0;
    std::chrono::milliseconds timeout{0};
    clock::time_point last;
  };
  // Tokens are told apart as ids are.
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view token) const noexcept { return hash_of_id(token); }
  };
  struct equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return same_id(a, b); }
  };
  tidy_map<watched, hash, equal> calls_;
};

}  // namespace antiphon::detail
