#pragma once

#include <antiphon/transport/transport.hpp>

#include <chrono>
#include <cstdint>

namespace antiphon::testing {

/// What a chaos transport does to the one that it wraps. A number that something happens "once in" is by lot;
/// 0 is never.
struct chaos_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  chaos_options() noexcept {}

  /// Before and after each receive, and before each piece of a send, up to so many turns of the executor
  /// pass. Meanwhile what comes in gathers, so that pieces are joined as well.
  unsigned most_turns = 3;
  /// Received bytes are handed out, and sent bytes passed on, in pieces of up to so many bytes, where they
  /// are cut at all.
  std::size_t largest_piece = 64;
  /// How often they are cut: a few bytes at a time now, all at once then.
  unsigned cut_once_in = 2;
  /// How often an operation takes up to `longest_pause` as well, by the clock.
  unsigned pause_once_in = 16;
  std::chrono::milliseconds longest_pause{5};
  /// How often there is no memory for a moment, as where a bounded pool is exhausted: `acquire` gives none,
  /// and the waiter is woken soon after, whether there is some then or not.
  unsigned no_memory_once_in = 8;
  /// How often `wait_hang_up` returns without knowing anything, as it may.
  unsigned no_news_once_in = 4;
  /// How often an operation finds that the connection is broken: a receive or send fails with
  /// `connection_reset`, and the transport within is closed.
  unsigned break_once_in = 0;
};

/// Wraps a transport and does to what goes through it whatever a transport may do: splits, joins, delays,
/// wakes for nothing, breaks. The same for the same seed where the executor and the peer are deterministic.
transport_ptr make_chaos_transport(transport_ptr within, std::uint64_t seed,
                                   chaos_options options = chaos_options());

}  // namespace antiphon::testing
