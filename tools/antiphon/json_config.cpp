#include "tools/antiphon/json_config.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/json_cursor.hpp>
#include <antiphon/streaming/validate.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace antiphon_command {
namespace {

constexpr std::size_t max_depth = 64;

std::size_t line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, offset), '\n'));
}

std::string_view kind_of(std::string_view json) {
  switch (antiphon::raw_json(json).kind()) {
    case antiphon::json_kind::null: return "null";
    case antiphon::json_kind::boolean: return "a boolean";
    case antiphon::json_kind::number: return "a number";
    case antiphon::json_kind::string: return "a string";
    case antiphon::json_kind::array: return "an array";
    case antiphon::json_kind::object: return "an object";
  }
  return "something else";
}

std::string pointer(const std::string& path, std::string_view name) {
  std::string made = path + '/';
  for (const char c : name) {
    if (c == '~') {
      made += "~0";
    } else if (c == '/') {
      made += "~1";
    } else {
      made += c;
    }
  }
  return made;
}

// A name may have any character in it; a NUL would end the message.
std::string printable(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ') {
      made += fmt::format("\\u{:04x}", byte);
    } else {
      made += c;
    }
  }
  return made;
}

// Not fmt::join: of that g++ 12 warns at -O3, without a cause.
template <class Word>
std::string listed(const std::vector<Word>& words) {
  std::string made;
  for (const Word& word : words) {
    if (!made.empty()) made += ", ";
    made += word;
  }
  return made;
}

}  // namespace

config_value config_value::parse(std::string name, std::string text) {
  auto source = std::make_shared<const config_source>(config_source{std::move(name), std::move(text)});
  std::size_t offset = 0;
  const auto error = antiphon::validate(source->text, max_depth, &offset);
  if (error) {
    const std::size_t begin = source->text.substr(0, offset).rfind('\n');
    const std::size_t column = begin == std::string::npos ? offset + 1 : offset - begin;
    throw config_error(fmt::format("{}:{}: column {}: {}", source->name, line_at(source->text, offset),
                                   column, error.message()));
  }
  antiphon::detail::json_cursor in(source->text);
  std::string_view whole;
  in.read_raw(whole);
  return config_value(std::move(source), whole, "");
}

std::size_t config_value::line() const noexcept {
  return line_at(source_->text, static_cast<std::size_t>(json_.data() - source_->text.data()));
}

void config_value::fail(std::string_view what) const {
  const std::string where = path_.empty() ? "the whole" : printable(path_);
  throw config_error(fmt::format("{}:{}: {}: {}", source_->name, line(), where, what));
}

void config_value::expected(std::string_view what) const {
  fail(fmt::format("expected {}, found {}", what, kind_of(json_)));
}

std::string config_value::string() const {
  auto value = antiphon::raw_json(json_).try_decode<std::string>();
  if (!value) expected("a string");
  return std::move(*value);
}

bool config_value::boolean() const {
  const auto value = antiphon::raw_json(json_).try_decode<bool>();
  if (!value) expected("true or false");
  return *value;
}

std::uint64_t config_value::integer(std::uint64_t least, std::uint64_t most) const {
  const auto value = antiphon::raw_json(json_).try_decode<std::uint64_t>();
  const std::string range = fmt::format("an integer from {} to {}", least, most);
  if (antiphon::raw_json(json_).kind() != antiphon::json_kind::number) expected(range);
  if (!value || *value < least || *value > most) fail(fmt::format("expected {}, found {}", range, json_));
  return *value;
}

double config_value::number(double least, double most) const {
  const auto value = antiphon::raw_json(json_).try_decode<double>();
  const std::string range = fmt::format("a number from {} to {}", least, most);
  if (!value) expected(range);
  if (*value < least || *value > most) fail(fmt::format("expected {}, found {}", range, json_));
  return *value;
}

std::vector<config_value> config_value::elements(std::string_view what) const {
  antiphon::detail::json_cursor in(json_);
  if (!in.at_value('[')) expected(what);
  std::vector<config_value> all;
  bool more = false;
  for (in.enter_array(more); more; more = in.next_element()) {
    std::string_view one;
    in.read_raw(one);
    all.push_back(config_value(source_, one, fmt::format("{}/{}", path_, all.size())));
  }
  return all;
}

std::vector<std::pair<std::string, config_value>> config_value::members() const {
  antiphon::detail::json_cursor in(json_);
  if (!in.at_value('{')) expected("an object");
  std::vector<std::pair<std::string, config_value>> all;
  bool more = false;
  for (in.enter_object(more); more; more = in.next_member()) {
    std::string name;
    std::string_view one;
    in.read_name(name);
    in.read_raw(one);
    const config_value value(source_, one, pointer(path_, name));
    const bool twice = std::ranges::any_of(all, [&](const auto& other) { return other.first == name; });
    if (twice) value.fail("it is there twice");
    all.emplace_back(std::move(name), value);
  }
  return all;
}

std::size_t config_value::one_of(const std::vector<std::string_view>& words) const {
  if (antiphon::raw_json(json_).kind() != antiphon::json_kind::string)
    expected(fmt::format("one of {}", listed(words)));
  const std::string word = string();
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) fail(fmt::format("expected one of {}, found \"{}\"", listed(words), word));
  return static_cast<std::size_t>(found - words.begin());
}

std::optional<config_value> config_object::find(std::string_view name) {
  known_.emplace_back(name);
  for (const auto& [member, value] : members_) {
    if (member == name) return value;
  }
  return std::nullopt;
}

config_value config_object::need(std::string_view name) {
  auto value = find(name);
  if (!value) whole_.fail(fmt::format("the member \"{}\" is missing", name));
  return *value;
}

void config_object::done() const {
  for (const auto& [member, value] : members_) {
    if (std::ranges::find(known_, member) == known_.end())
      value.fail("there is no such setting; there are " + listed(known_));
  }
}

}  // namespace antiphon_command
