#pragma once

#include "lib/relay/target_core.hpp"

#include <antiphon/streaming/raw_json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace antiphon::relay::detail {

/// `initialize`, which a shared server is asked once: what it answers is the answer for all.
class shared_initialize final : public answer_tap {
 public:
  using client = std::uint64_t;

  shared_initialize() noexcept;
  ~shared_initialize();

  /// A client's request; always ends it.
  void ask(client who, core::record& call, target_core& server);
  /// Whether the client has its answer.
  bool done_for(client who) const { return done_.contains(who); }
  /// None before there is one.
  const std::optional<raw_json>& answer() const noexcept { return answer_; }
  void leave(client who) noexcept;
  /// The server is gone, and nobody waits any more.
  void reset() noexcept;

  void answered(bool is_error, const slice& value) noexcept override;
  void lost() noexcept override;

 private:
  class waiting_request;
  void done(client who) noexcept;
  bool asks(client who) const noexcept;

  bool asking_ = false;
  client asks_first_ = 0;  // 0: it has left
  std::vector<std::unique_ptr<waiting_request>> waiting_;
  std::set<client> done_;
  std::optional<raw_json> answer_;
};

}  // namespace antiphon::relay::detail
