#pragma once

#include <antiphon/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace antiphon {

/// Keeps buffers for the next one who needs them, in a few sizes and up to a bound.
///
/// Sizes are 1, 4, 16, 64, 256 and 1024 KiB; a larger buffer comes straight from the heap and goes back to
/// it. Thread-safe. Buffers and slices may be dropped on any thread, also after the pool is gone.
class buffer_pool final : public buffer_source {
 public:
  /// What a pool has done so far; a consistent snapshot.
  struct counters {
    /// Buffers handed out that had been used before, and those that had to be allocated.
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    /// Bytes in buffers that are out now, and the most that ever were.
    std::size_t bytes_out = 0;
    std::size_t high_water = 0;
    /// Buffers that came back and were kept, and those that were given back to the heap.
    std::uint64_t returned = 0;
    std::uint64_t discarded = 0;
    /// Bytes that wait in the pool.
    std::size_t bytes_kept = 0;
  };

  /// @param max_bytes_kept what the pool holds on to at most while nobody uses it; 0 keeps nothing
  explicit buffer_pool(std::size_t max_bytes_kept = std::size_t{8} << 20);
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  ~buffer_pool() override;

  buffer acquire(std::size_t at_least) override;

  counters stats() const;

 private:
  struct state;
  struct block;
  state* state_;
};

/// The pool that transports use unless they are given another source; one for the whole program.
const std::shared_ptr<buffer_pool>& shared_buffer_pool();

}  // namespace antiphon
