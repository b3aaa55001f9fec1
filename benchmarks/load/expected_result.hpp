#pragma once

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

  /// Whether `result` is right.
  bool accepts(std::string_view result) const;

 private:
  std::vector<std::string> texts_;
};

}  // namespace load
