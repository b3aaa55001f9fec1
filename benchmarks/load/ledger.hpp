#pragma once

#include "benchmarks/load/clock.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace load {

class expected_result;

/// Which requests are in flight: a ring that is indexed by the id, since ids count upward.
class ledger {
 public:
  /// All ids have as many digits as this one, so that one can be written over another.
  static constexpr std::uint64_t first_id = 1'000'000'000;
  static constexpr std::size_t id_digits = 10;

  struct entry {
    std::uint64_t id = 0;
    time_point due;
    const expected_result* expected = nullptr;
  };

  /// @param most how many requests may be in flight; answers may be out of order by four times that
  explicit ledger(std::size_t most) : ring_(std::bit_ceil(std::max<std::size_t>(4 * most, 1024))) {}

  std::size_t in_flight() const noexcept { return in_flight_; }
  std::uint64_t next_id() const noexcept { return next_id_; }
  /// Whether the next `count` ids are free: a request that is never answered is in the way in the end.
  bool has_room(std::size_t count) const noexcept {
    for (std::uint64_t id = next_id_; id != next_id_ + count; ++id)
      if (slot(id).id != 0) return false;
    return true;
  }

  /// A request is on its way. There must be room.
  /// @return its id
  std::uint64_t open(time_point due, const expected_result& expected) noexcept {
    slot(next_id_) = {next_id_, due, &expected};
    ++in_flight_;
    return next_id_++;
  }
  /// What was noted about the request of this id; null when it isn't in flight.
  entry* find(std::uint64_t id) noexcept {
    entry& found = slot(id);
    return id != 0 && found.id == id ? &found : nullptr;
  }
  /// Its answer has come.
  void close(entry& answered) noexcept {
    answered.id = 0;
    --in_flight_;
  }

 private:
  entry& slot(std::uint64_t id) noexcept { return ring_[id & (ring_.size() - 1)]; }
  const entry& slot(std::uint64_t id) const noexcept { return ring_[id & (ring_.size() - 1)]; }

  std::vector<entry> ring_;
  std::uint64_t next_id_ = first_id;
  std::size_t in_flight_ = 0;
};

}  // namespace load
