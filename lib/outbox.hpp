#pragma once

#include <antiphon/streaming/output_chain.hpp>

#include <boost/container/devector.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace antiphon::detail {

/// What is owed to the peer, in two lanes, and which of it has been written. No I/O.
///
/// Large answers have a lane of their own, which all else passes: nothing waits behind an answer of 20 MB
/// that waits itself. Nothing but answers, since those may come in any order (JSON-RPC 2.0, section 6), while
/// notifications and calls keep theirs, and small answers keep theirs among them: the last piece of progress
/// comes before the answer. One write has all of the first lane, then whole answers of the second, up to
/// `chunk` bytes, one at least, so that neither lane stops the other.
class outbox {
 public:
  /// Answers from this size on are large.
  static constexpr std::size_t large = 64 * 1024;
  /// How much of the second lane one write has at most, unless it is one answer.
  static constexpr std::size_t chunk = 256 * 1024;

  explicit outbox(buffer_source& source) noexcept : first_(source) {}

  /// What all frames are written into, one behind the other.
  output_chain& chain() noexcept { return first_; }

  /// Where something ends in its lane, to ask later whether it has been written.
  struct place {
    bool second = false;
    std::uint64_t end = 0;
  };
  /// Of what was written into the chain last, which stays where it is.
  place last() const noexcept { return {false, first_done_ + first_taken_ + first_.pending()}; }
  /// Of the answer that was closed last. Moves it where it belongs.
  /// @param unbounded how many bytes of it no permit bounds: refusals, errors, what `immediate` handlers say
  place file_answer(std::size_t unbounded);
  bool written(place where) const noexcept {
    return where.end <= (where.second ? second_done_ : first_done_);
  }

  /// Bytes that wait for a write.
  std::size_t pending() const noexcept { return first_.pending() + second_waits_.bytes; }
  /// Bytes that wait, and those being written.
  std::size_t backlog() const noexcept { return pending() + first_taken_ + second_taken_; }
  /// Those of answers among them, and those of answers that no permit bounds.
  std::size_t answers() const noexcept {
    return first_answers_.bytes + second_waits_.bytes + answers_taken_.bytes;
  }
  std::size_t unbounded_answers() const noexcept {
    return first_answers_.unbounded + second_waits_.unbounded + answers_taken_.unbounded;
  }
  bool writing() const noexcept { return first_taken_ + second_taken_ > 0; }
  /// Bytes written so far, and those of each lane among them.
  std::uint64_t total_written() const noexcept { return first_done_ + second_done_; }
  std::uint64_t written_of(bool second) const noexcept { return second ? second_done_ : first_done_; }

  /// The next write: appends it to `parts`. Not while one goes on.
  void take(std::vector<slice>& parts);
  /// That is over.
  /// @param done it was written; or else it is lost
  /// @return its bytes
  std::size_t end_write(bool done) noexcept;

  void trim() noexcept { first_.trim(); }

 private:
  bool move_last(std::size_t unbounded) noexcept;

  struct tally {
    std::size_t bytes = 0;
    std::size_t unbounded = 0;  // of them
    void operator+=(const tally& other) noexcept {
      bytes += other.bytes;
      unbounded += other.unbounded;
    }
    void operator-=(const tally& other) noexcept {
      bytes -= other.bytes;
      unbounded -= other.unbounded;
    }
  };
  struct answer {
    std::vector<slice> parts;
    tally size;
  };

  output_chain first_;
  boost::container::devector<answer> second_;
  tally first_answers_;  // that wait in the first lane
  tally second_waits_;
  tally answers_taken_;          // being written, of both
  std::size_t first_taken_ = 0;  // being written
  std::size_t second_taken_ = 0;
  std::uint64_t first_done_ = 0;  // written
  std::uint64_t second_done_ = 0;
};

}  // namespace antiphon::detail
