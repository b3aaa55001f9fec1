#pragma once

#include <antiphon/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

namespace antiphon {

/// What a pool does when `max_bytes_out` leaves no room for another buffer.
enum class exhausted {
  fail,  ///< `acquire` throws `errc::buffers_exhausted`; an endpoint that reads ends with it
  wait,  ///< `acquire` gives a buffer without memory; an endpoint then reads on when some has come back
};

struct buffer_pool_options {
  /// What the pool holds on to at most while nobody uses it; 0 keeps nothing.
  std::size_t max_bytes_kept = std::size_t{8} << 20;
  /// What may be out at the same time. Each endpoint has bounds of its own; this one is for all who share the
  /// pool. With `exhausted::wait` it should have room for a block of 64 KiB for every endpoint and a few of
  /// the largest messages: several that wait for each other's memory in the middle of a message end by
  /// `endpoint_options::partial_message_timeout` only.
  std::size_t max_bytes_out = std::numeric_limits<std::size_t>::max();
  exhausted when_exhausted = exhausted::fail;
};

/// Keeps buffers for the next one who needs them, in a few sizes and up to a bound.
///
/// Sizes are 1, 4, 16, 64, 256 and 1280 KiB; a larger buffer is as large as asked, in whole pages, and isn't
/// kept. Those from 64 KiB on are pages of their own, which can be extended without copying and take no
/// memory where nothing was written yet. Thread-safe. Buffers and slices may be dropped on any thread, also
/// after the pool is gone.
class buffer_pool final : public buffer_source {
 public:
  /// What a pool has done so far; a consistent snapshot.
  struct counters {
    /// Buffers handed out that had been used before, and those that had to be allocated.
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    /// Buffers that `max_bytes_out` had no room for.
    std::uint64_t refused = 0;
    /// Bytes in buffers that are out now, and the most that ever were.
    std::size_t bytes_out = 0;
    std::size_t high_water = 0;
    /// Buffers that came back and were kept, and those that were given back to the system.
    std::uint64_t returned = 0;
    std::uint64_t discarded = 0;
    /// Bytes that wait in the pool.
    std::size_t bytes_kept = 0;
  };

  explicit buffer_pool(buffer_pool_options options = {});
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  ~buffer_pool() override;

  /// @throws boost::system::system_error with `errc::buffers_exhausted` when `max_bytes_out` has no room and
  ///         `when_exhausted` says `fail`, or when it never had so much; std::bad_alloc
  buffer acquire(std::size_t at_least) override;
  void wait_for_memory(memory_waiter& who) override;
  void stop_waiting(memory_waiter& who) noexcept override;

  counters stats() const;

 private:
  struct state;
  struct block;
  state* state_;
};

/// The pool that transports use unless they are given another source; one for the whole program, with the
/// default options.
const std::shared_ptr<buffer_pool>& shared_buffer_pool();

}  // namespace antiphon
