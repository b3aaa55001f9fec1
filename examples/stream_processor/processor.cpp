#include "processor.hpp"

#include <cstring>

namespace stream {

outcome processor::process(std::string_view topic, std::string_view payload, const sink& deliver) {
  memory_.clear();
  changes_.clear();
  // All mappings see the same values, those from before the message.
  auto snapshot = rules_.vars.read();
  bool matched = false;
  bool fine = true;
  std::string_view topic_inside;
  for (const rule& mapping : rules_.rules) {
    if (!mapping.from.matches(topic, captures_)) continue;
    if (!matched) topic_inside = escaped(topic, memory_);
    matched = true;
    for (auto& capture : captures_) capture = escaped(capture, memory_);
    paths_.resize(mapping.paths.size());
    mapping.paths.find(payload, paths_);
    const message_values message{paths_, captures_, topic_inside, snapshot.get()};
    const std::size_t planned = changes_.size();
    if (apply(mapping, message, payload, deliver)) continue;
    changes_.resize(planned);
    fine = false;
  }
  snapshot.reset();
  for (const change& next : changes_) rules_.vars.set(next.variable, next.json);
  if (!matched) return outcome::unmatched;
  return fine ? outcome::processed : outcome::errored;
}

bool processor::apply(const rule& mapping, const message_values& message, std::string_view payload,
                      const sink& deliver) {
  failure why;
  if (mapping.when) {
    value holds;
    if (!mapping.when->evaluate(message, memory_, holds, why)) return failed(mapping, why);
    if (holds.kind != value_kind::boolean) return failed(mapping, {1, "'when' is no boolean"});
    if (!holds.truth) return true;
  }
  if (!plan_changes(mapping, message)) return false;
  if (mapping.quiet) return true;
  out_ = R"({"topic":")";
  if (!mapping.to.append_to(out_, message, memory_, why)) return failed(mapping, why);
  out_ += R"(","payload":)";
  bool result = true;
  if (mapping.script) {
    if (!run_script(mapping, message, payload, result)) return false;
  } else if (!write_value(mapping, message, payload)) {
    return false;
  }
  if (!result) return true;
  out_ += '}';
  deliver(out_);
  return true;
}

bool processor::write_value(const rule& mapping, const message_values& message, std::string_view payload) {
  if (mapping.passes_on) {
    out_ += payload;
    return true;
  }
  if (mapping.object) out_ += '{';
  for (const rule::field& field : mapping.value) {
    out_ += field.key;
    if (!field.dynamic) {
      out_ += field.json;
      continue;
    }
    value computed;
    failure why;
    if (!field.dynamic->evaluate(message, memory_, computed, why)) return failed(mapping, why);
    append_json(out_, computed);
  }
  if (mapping.object) out_ += '}';
  return true;
}

bool processor::run_script(const rule& mapping, const message_values& message, std::string_view payload,
                           bool& result) {
  std::string captures = "{";
  const auto& names = mapping.from.captures();
  for (std::size_t which = 0; which < names.size(); ++which) {
    if (which > 0) captures += ',';
    captures += '"' + names[which] + "\":\"";
    captures += message.captures[which];
    captures += '"';
  }
  captures += '}';
  std::string vars = "{";
  for (std::size_t which = 0; which < rules_.vars.names().size(); ++which) {
    if (which > 0) vars += ',';
    vars += '"';
    vars += escaped(rules_.vars.names()[which], memory_);
    vars += "\":" + (*message.vars)[which];
  }
  vars += '}';
  std::string topic = "\"";
  topic += message.topic;
  topic += '"';
  std::string why;
  if (!rules_.js.run(*mapping.script, {payload, topic, captures, vars}, script_result_, why)) {
    last_error_ = mapping.name + ": " + why;
    return false;
  }
  result = !script_result_.empty();
  out_ += script_result_;
  return true;
}

// They take effect behind the message; a mapping that fails changes nothing.
bool processor::plan_changes(const rule& mapping, const message_values& message) {
  for (const rule::change& next : mapping.changes) {
    value computed;
    failure why;
    if (!next.to.evaluate(message, memory_, computed, why)) return failed(mapping, why);
    out_.clear();
    append_json(out_, computed);
    char* const kept = memory_.allocate(out_.size());
    std::memcpy(kept, out_.data(), out_.size());
    changes_.push_back({next.variable, {kept, out_.size()}});
  }
  return true;
}

bool processor::failed(const rule& mapping, const failure& why) {
  last_error_ = mapping.name;
  last_error_ += ": column ";
  last_error_ += std::to_string(why.column);
  last_error_ += ": ";
  last_error_ += why.what;
  return false;
}

}  // namespace stream
