#pragma once

#include "expression.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// Which topics a mapping is for: levels between slashes. `{name}` is any one level, `{name...}` as the last
/// one is all that are left, at least one.
class topic_pattern {
 public:
  /// @throws expression_error
  static topic_pattern compile(std::string_view text);

  /// What was captured goes into `captures`, in the order of `captures()`; they are views into `topic`.
  bool matches(std::string_view topic, std::vector<std::string_view>& captures) const;
  const std::vector<std::string>& captures() const noexcept { return names_; }

 private:
  std::vector<std::string> levels_;  // of a capture: empty
  std::vector<bool> captured_;
  bool rest_ = false;  // the last one takes all that are left
  std::vector<std::string> names_;
};

/// The topic of a result: text with expressions in braces, `alerts/{device}/{payload.site}`.
class topic_template {
 public:
  /// @throws expression_error
  static topic_template compile(std::string_view text, const known_names& names);

  /// Appends the topic as it stands between quotes; false when one of its expressions has no value.
  bool append_to(std::string& out, const message_values& message, scratch& memory, failure& why) const;

 private:
  struct part {
    std::string literal;  // as between quotes, in front of the expression
    expression inserted;
    std::size_t column;
  };
  std::vector<part> parts_;
  std::string end_;
};

}  // namespace stream
