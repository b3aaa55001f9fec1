#pragma once

#include "rules.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// What became of a message.
enum class outcome {
  processed,  ///< every mapping for its topic did what it should
  errored,    ///< at least one could not: its expression had no value, its script threw
  unmatched,  ///< no mapping is for its topic
};

/// Messages in, results out, by a configuration. Does no I/O. On one thread.
class processor {
 public:
  /// What gets each result: the parameters of its `publish`, valid during the call.
  using sink = std::function<void(std::string_view params)>;

  /// Takes the place of the configuration that was there, unless it is wrong. Static expressions are computed
  /// here and nowhere else.
  /// @throws configuration_error
  void configure(std::string_view json) { rules_ = compile_rules(json, rules_.vars); }

  /// @param topic plain text
  /// @param payload valid JSON
  outcome process(std::string_view topic, std::string_view payload, const sink& deliver);

  /// About the last message that was `errored`: mapping, column, reason.
  const std::string& last_error() const noexcept { return last_error_; }
  const variables& vars() const noexcept { return rules_.vars; }
  const rule_set& rules() const noexcept { return rules_; }

 private:
  bool apply(const rule& mapping, const message_values& message, std::string_view payload,
             const sink& deliver);
  bool write_value(const rule& mapping, const message_values& message, std::string_view payload);
  bool run_script(const rule& mapping, const message_values& message, std::string_view payload, bool& result);
  bool plan_changes(const rule& mapping, const message_values& message);
  bool failed(const rule& mapping, const failure& why);

  rule_set rules_;
  std::string last_error_;

  // Used again for every message.
  scratch memory_;
  std::vector<std::string_view> captures_;
  std::vector<std::string_view> paths_;
  std::string out_;
  std::string script_result_;
  struct change {
    std::size_t variable;
    std::string_view json;
  };
  std::vector<change> changes_;
};

}  // namespace stream
