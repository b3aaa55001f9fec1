#pragma once

#include "benchmarks/load/channel.hpp"
#include "benchmarks/load/inbox.hpp"
#include "benchmarks/load/known_answer.hpp"
#include "benchmarks/load/ledger.hpp"
#include "benchmarks/load/outbox.hpp"
#include "benchmarks/load/tally.hpp"
#include "benchmarks/load/watchdog.hpp"

#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/message_view.hpp>

#include <cstddef>
#include <string_view>

namespace load {

/// Requests out, answers in, and each answer checked. On one thread; what a mode needs to be driven with.
///
/// Every member function throws `failure` when the server breaks the protocol, goes away or does nothing for
/// too long.
class session {
 public:
  /// @param over outlives the session
  /// @param most how many requests are in flight, at most
  session(channel& over, const antiphon::framing_factory& framing, const message_plan& plan, std::size_t most,
          nanoseconds patience);

  /// Where everything is counted from here on.
  void count_in(tally& counts) noexcept { counts_ = &counts; }
  tally& counts() noexcept { return *counts_; }

  /// Whether a frame can be posted now.
  bool has_room(const shape& frame) const noexcept {
    return outbox_.has_room(frame) && ledger_.has_room(frame.id_at.size());
  }
  /// Adds a frame to what is to be written. There must be room.
  /// @param due from when its latency counts; `unmeasured` where it doesn't
  void post(const shape& frame, time_point due);
  static constexpr time_point unmeasured = time_point::min();
  std::size_t in_flight() const noexcept { return ledger_.in_flight(); }
  bool all_written() const noexcept { return outbox_.empty(); }
  bool idle() const noexcept { return all_written() && in_flight() == 0; }

  /// Writes as much as the server takes without waiting.
  void flush();
  /// Waits until something can be read or what is left can be written, at most until `alarm`; then reads. May
  /// return early.
  void wait(time_point alarm = time_point::max());

  /// Ends our side and reads what the server still has to say, which should be no answer.
  void finish();

 private:
  enum class reading { bytes, nothing, end };

  void receive();
  reading read_once();
  void take_frames();
  void take_frame(const inbox::frame& frame);
  bool take_known(std::string_view input);
  void take_message(std::string_view text, std::string_view frame);
  void take_answer(const antiphon::message_view& answer, std::string_view text, std::string_view frame);
  void count(ledger::entry& answered);
  void check_patience() const;

  channel* channel_;
  ledger ledger_;
  outbox outbox_;
  antiphon::limits limits_;
  inbox inbox_;
  known_answer known_;
  tally* counts_ = nullptr;
  time_point now_;
  // When the server last read or said something, or was first asked to.
  time_point active_;
  nanoseconds patience_;
  watchdog watchdog_;
};

}  // namespace load
