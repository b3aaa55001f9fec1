#include "rules.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/validate.hpp>

#include <boost/describe/class.hpp>

#include <algorithm>
#include <utility>

namespace stream {

namespace {

struct fixed_config {
  std::string name;
  std::string is;
};
BOOST_DESCRIBE_STRUCT(fixed_config, (), (name, is))

struct set_config {
  std::string name;
  std::string to;
};
BOOST_DESCRIBE_STRUCT(set_config, (), (name, to))

struct mapping_config {
  std::optional<std::string> name;
  std::string from;
  std::optional<std::string> when;
  std::optional<std::string> to;
  std::optional<std::string> value;
  std::optional<std::map<std::string, std::string>> fields;
  std::optional<std::string> script;
  std::optional<std::vector<set_config>> set;
};
BOOST_DESCRIBE_STRUCT(mapping_config, (), (name, from, when, to, value, fields, script, set))

struct configuration {
  std::optional<std::vector<fixed_config>> fixed;
  std::optional<std::map<std::string, antiphon::raw_json>> variables;
  std::vector<mapping_config> mappings;
};
BOOST_DESCRIBE_STRUCT(configuration, (), (fixed, variables, mappings))

/// With the errors of `compile` told of as errors at `path`.
template <class Compile>
auto at(const std::string& path, Compile compile) {
  try {
    return compile();
  } catch (const configuration_error&) {
    throw;
  } catch (const std::exception& e) {
    throw configuration_error(path, e.what());
  }
}

void check(std::string_view json) {
  constexpr std::size_t deepest = 64;
  std::size_t offset = 0;
  const auto wrong = antiphon::validate(json, deepest, &offset);
  if (!wrong) return;
  const std::string_view before = json.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t column = offset - (before.rfind('\n') + 1) + 1;
  throw configuration_error("", "line " + std::to_string(line) + ", column " + std::to_string(column) +
                                    ": this is no JSON: " + wrong.message());
}

std::string json_of(const expression& fixed, scratch& memory) {
  value result;
  failure why;
  if (!fixed.evaluate({}, memory, result, why)) throw expression_error(why.column, std::string(why.what));
  std::string json;
  append_json(json, result);
  return json;
}

class builder {
 public:
  builder(rule_set& made) : made_(made) {}

  void add(const mapping_config& config, const std::string& path) {
    rule made;
    made.name = config.name.value_or(config.from);
    made.from = at(path + "/from", [&] { return topic_pattern::compile(config.from); });
    const known_names names{made.paths, made.from.captures(), made_.fixed, made_.vars};
    if (config.when) made.when = at(path + "/when", [&] { return expression::compile(*config.when, names); });
    add_result(made, config, path, names);
    if (config.set) {
      for (std::size_t which = 0; which < config.set->size(); ++which)
        add_change(made, (*config.set)[which], path + "/set/" + std::to_string(which), names);
    }
    made_.rules.push_back(std::move(made));
  }

 private:
  void add_result(rule& made, const mapping_config& config, const std::string& path,
                  const known_names& names) {
    const int results = config.value.has_value() + config.fields.has_value() + config.script.has_value();
    if (results > 1) throw configuration_error(path, "only one of 'value', 'fields' and 'script'");
    if (!config.to) {
      if (results > 0) throw configuration_error(path, "a result without a topic: 'to' is missing");
      if (!config.set) throw configuration_error(path, "neither 'to' nor 'set': this does nothing");
      made.quiet = true;
      return;
    }
    made.to = at(path + "/to", [&] { return topic_template::compile(*config.to, names); });
    made.passes_on = results == 0;
    if (config.script) made.script = at(path + "/script", [&] { return made_.js.add(*config.script); });
    if (config.value) made.value.push_back(field(*config.value, path + "/value", names));
    if (!config.fields) return;
    made.object = true;
    for (const auto& [name, text] : *config.fields) {
      made.value.push_back(field(text, path + "/fields/" + name, names));
      auto& key = made.value.back().key;
      key = made.value.size() > 1 ? ",\"" : "\"";
      key += escaped(name, memory_);
      key += "\":";
    }
  }
  rule::field field(const std::string& text, const std::string& path, const known_names& names) {
    return at(path, [&] {
      auto compiled = expression::compile(text, names);
      rule::field result;
      if (compiled.is_static()) {
        result.json = json_of(compiled, memory_);
      } else {
        result.dynamic = std::move(compiled);
      }
      return result;
    });
  }
  void add_change(rule& made, const set_config& config, const std::string& path, const known_names& names) {
    const auto variable = made_.vars.find(config.name);
    if (!variable) throw configuration_error(path + "/name", "there is no variable '" + config.name + "'");
    made.changes.push_back(
        {*variable, at(path + "/to", [&] { return expression::compile(config.to, names); })});
  }

  rule_set& made_;
  scratch memory_;
};

}  // namespace

rule_set compile_rules(std::string_view json, const variables& before) {
  check(json);
  const auto config = antiphon::raw_json(json).try_decode<configuration>();
  if (!config) throw configuration_error(config.error().path, config.error().message);

  rule_set made;
  if (config->variables) {
    const auto old = before.read();
    for (const auto& [name, initial] : *config->variables) {
      const auto known = before.find(name);
      made.vars.add(name, known ? (*old)[*known] : std::string(initial.text()));
    }
  }
  scratch memory;
  path_set no_paths;
  if (config->fixed) {
    // Room for all, since views point into them.
    made.fixed_texts.reserve(config->fixed->size());
    for (std::size_t which = 0; which < config->fixed->size(); ++which) {
      const auto& [name, is] = (*config->fixed)[which];
      const std::string path = "/fixed/" + std::to_string(which) + "/is";
      made.fixed_texts.push_back(at(path, [&] {
        const known_names names{no_paths, {}, made.fixed, made.vars};
        const auto compiled = expression::compile(is, names);
        if (!compiled.is_static()) throw expression_error(1, "this depends on a message or a variable");
        return json_of(compiled, memory);
      }));
      made.fixed[name] = value::from_json(made.fixed_texts.back());
    }
  }
  builder rules(made);
  for (std::size_t which = 0; which < config->mappings.size(); ++which)
    rules.add(config->mappings[which], "/mappings/" + std::to_string(which));
  return made;
}

}  // namespace stream
