#pragma once

#include "benchmarks/load/ledger.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace load {

/// The last answer that was found right, byte by byte. The next one mostly differs in its id only, and is
/// then recognised by a comparison: no framing, no JSON.
class known_answer {
 public:
  /// @param whole a frame with a right answer
  /// @param id where its id stands, inside of `whole`
  void learn(std::string_view whole, std::string_view id, const expected_result* expected) {
    bytes_ = whole;
    id_at_ =
        id.size() == ledger::id_digits ? static_cast<std::size_t>(id.data() - whole.data()) : whole.size();
    expected_ = expected;
  }

  std::size_t size() const noexcept { return bytes_.size(); }
  /// What it is a right answer for.
  const expected_result* expected() const noexcept { return expected_; }

  /// The id of the same answer at the beginning of `input`; 0 when there is another, or not all of it.
  std::uint64_t id_in(std::string_view input) const noexcept {
    const std::size_t rest_at = id_at_ + ledger::id_digits;
    if (input.size() < size() || size() < rest_at) return 0;
    if (std::memcmp(input.data(), bytes_.data(), id_at_) != 0) return 0;
    if (std::memcmp(input.data() + rest_at, bytes_.data() + rest_at, size() - rest_at) != 0) return 0;
    std::uint64_t id = 0;
    const char* const id_end = input.data() + rest_at;
    return std::from_chars(input.data() + id_at_, id_end, id).ptr == id_end ? id : 0;
  }

 private:
  std::string bytes_;
  std::size_t id_at_ = 0;
  const expected_result* expected_ = nullptr;
};

}  // namespace load
