#include "topic.hpp"

#include <algorithm>

namespace stream {

topic_pattern topic_pattern::compile(std::string_view text) {
  topic_pattern made;
  std::size_t at = 0;
  for (bool last = false; !last;) {
    const std::size_t slash = std::min(text.find('/', at), text.size());
    last = slash == text.size();
    std::string_view level = text.substr(at, slash - at);
    const std::size_t column = at + 1;
    at = slash + 1;
    if (level.empty() || level.front() != '{') {
      if (level.find_first_of("{}") != std::string_view::npos)
        throw expression_error(column, "a capture takes a level of its own");
      made.levels_.emplace_back(level);
      made.captured_.push_back(false);
      continue;
    }
    if (level.back() != '}' || level.size() < 3) throw expression_error(column, "expected {name}");
    level = level.substr(1, level.size() - 2);
    if (level.ends_with("...")) {
      if (!last) throw expression_error(column, "only the last level may be {name...}");
      made.rest_ = true;
      level.remove_suffix(3);
    }
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
    };
    if (level.empty() || !std::all_of(level.begin(), level.end(), letter) ||
        (level.front() >= '0' && level.front() <= '9'))
      throw expression_error(column, "a capture's name is letters, digits and '_'");
    constexpr std::string_view taken[] = {"payload", "topic", "fixed", "vars", "true", "false", "null"};
    if (std::find(std::begin(taken), std::end(taken), level) != std::end(taken))
      throw expression_error(column, "'" + std::string(level) + "' means something else in expressions");
    if (std::find(made.names_.begin(), made.names_.end(), level) != made.names_.end())
      throw expression_error(column, "two captures are named '" + std::string(level) + "'");
    made.names_.emplace_back(level);
    made.levels_.emplace_back();
    made.captured_.push_back(true);
  }
  return made;
}

bool topic_pattern::matches(std::string_view topic, std::vector<std::string_view>& captures) const {
  captures.clear();
  std::size_t at = 0;
  for (std::size_t which = 0; which < levels_.size(); ++which) {
    if (at > topic.size()) return false;
    const bool last = which + 1 == levels_.size();
    const std::size_t end = last && rest_ ? topic.size() : std::min(topic.find('/', at), topic.size());
    const std::string_view level = topic.substr(at, end - at);
    at = end + 1;
    if (captured_[which]) {
      captures.push_back(level);
    } else if (level != levels_[which]) {
      return false;
    }
  }
  return at > topic.size();
}

topic_template topic_template::compile(std::string_view text, const known_names& names) {
  topic_template made;
  scratch memory;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = text.find_first_of("{}", at);
    const std::string_view literal = text.substr(at, std::min(open, text.size()) - at);
    if (open == std::string_view::npos) {
      made.end_ = escaped(literal, memory);
      return made;
    }
    if (text[open] == '}') throw expression_error(open + 1, "a '}' without its '{'");
    std::size_t close = open + 1;
    for (char quote = 0; close < text.size() && (quote != 0 || text[close] != '}'); ++close) {
      if (quote == 0 && (text[close] == '"' || text[close] == '\'')) {
        quote = text[close];
      } else if (quote == '"' && text[close] == '\\') {
        ++close;
      } else if (text[close] == quote) {
        quote = 0;
      }
    }
    if (close >= text.size()) throw expression_error(open + 1, "a '{' without its '}'");
    try {
      auto inserted = expression::compile(text.substr(open + 1, close - open - 1), names);
      made.parts_.push_back({std::string(escaped(literal, memory)), std::move(inserted), open + 1});
    } catch (const expression_error& e) {
      const std::string_view what = e.what();
      throw expression_error(open + 1 + e.column(), std::string(what.substr(what.find(": ") + 2)));
    }
    at = close + 1;
  }
}

bool topic_template::append_to(std::string& out, const message_values& message, scratch& memory,
                               failure& why) const {
  for (const part& next : parts_) {
    value inserted;
    if (!next.inserted.evaluate(message, memory, inserted, why)) {
      why.column += next.column;
      return false;
    }
    if (inserted.kind == value_kind::json || inserted.kind == value_kind::null) {
      why = {next.column, "a topic holds strings, numbers and booleans only"};
      return false;
    }
    out += next.literal;
    append_inside(out, inserted);
  }
  out += end_;
  return true;
}

}  // namespace stream
