#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace load {

/// What the answer to a request must hold. White space between tokens doesn't count.
class expected_result {
 public:
  /// Any result is right.
  expected_result() = default;
  /// One of these texts is right.
  explicit expected_result(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  /// Whether `result` is right. Of long results only every sixteenth is compared, after the first sixteen:
  /// comparing all of them would take a part of the time that is measured.
  bool accepts(std::string_view result) const noexcept;

 private:
  std::vector<std::string> texts_;
  mutable std::uint64_t asked_ = 0;
};

}  // namespace load
