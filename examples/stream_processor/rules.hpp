#pragma once

#include "script.hpp"
#include "topic.hpp"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// What is wrong with a configuration, with a JSON pointer to where.
class configuration_error : public std::runtime_error {
 public:
  configuration_error(const std::string& path, const std::string& what)
      : std::runtime_error((path.empty() ? "/" : path) + ": " + what) {}
};

/// A mapping, compiled.
struct rule {
  struct field {
    std::string key;   // `"name":`, with a comma in front of all but the first
    std::string json;  // of a static expression: its value
    std::optional<expression> dynamic;
  };
  struct change {
    std::size_t variable;
    expression to;
  };

  std::string name;
  topic_pattern from;
  path_set paths;
  std::optional<expression> when;
  topic_template to;
  bool passes_on = false;    // the payload itself is the result
  bool quiet = false;        // no result at all: it only changes variables
  std::vector<field> value;  // one without a key, or the members of an object
  bool object = false;
  std::optional<std::size_t> script;
  std::vector<change> changes;
};

/// A whole configuration, compiled: nothing of it is looked at again until the next one comes.
struct rule_set {
  std::vector<rule> rules;
  std::map<std::string, value> fixed;
  std::vector<std::string> fixed_texts;  // that `fixed` points into
  variables vars;
  scripts js;
};

/// README.md has the format. Variables that were there before keep their values.
/// @throws configuration_error
rule_set compile_rules(std::string_view json, const variables& before);

}  // namespace stream
