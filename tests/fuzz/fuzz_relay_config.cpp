#include "tests/fuzz/check.hpp"
#include "tools/antiphon/relay_config.hpp"

#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

#include <charconv>
#include <optional>

// Of any text the relay reads its configuration, or says in which line and where in the JSON it is wrong.

namespace {

using antiphon_command::config_error;
using antiphon_command::relay_config;

constexpr std::string_view name = "relay.json";

bool skip(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Names may have ": " in them, so any such may end the path. Control characters stand there as escapes, which
// isn't undone here.
bool begins_with_a_path(std::string_view message, const boost::json::value& whole) {
  if (message.find("\\u00") != message.npos) return true;
  for (auto end = message.find(": "); end != message.npos; end = message.find(": ", end + 1)) {
    boost::system::error_code none;
    const auto path = message.substr(0, end);
    if (whole.find_pointer({path.data(), path.size()}, none) != nullptr) return true;
  }
  return false;
}

void check_message(std::string_view message, std::string_view text) {
  const std::string_view all = message;
  fuzz::must(skip(message, name) && skip(message, ":"), all);
  const auto line = take_number(message);
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  fuzz::must(line && *line >= 1 && *line <= static_cast<std::size_t>(lines), all);
  fuzz::must(skip(message, ": "), all);
  if (skip(message, "column ")) {
    const auto column = take_number(message);
    fuzz::must(column && *column >= 1 && *column <= text.size() + 1 && skip(message, ": "), all);
  } else if (!skip(message, "the whole: ")) {
    boost::json::parse_options strict;
    strict.max_depth = 1024;
    boost::system::error_code error;
    const auto whole = boost::json::parse({text.data(), text.size()}, error, {}, strict);
    // An exponent that only we can read: docs/decisions/0002-validator-differences.md.
    fuzz::must(error || begins_with_a_path(message, whole), all);
  }
  fuzz::must(!message.empty(), all);
}

bool has_nul(std::string_view text) { return text.find('\0') != text.npos; }

void check_config(const relay_config& made) {
  fuzz::must(!made.listen.empty(), "clients can come from nowhere");
  for (const auto& from : made.listen) fuzz::must(from.max_connections >= 1, "no client may come");
  for (const auto& target : made.targets) {
    fuzz::must(!target.name.empty() && !target.command.empty() && !target.command.front().empty(),
               "a target without a name or a program");
    fuzz::must(target.permits.max_in_flight >= 1, "a target that may do nothing");
    fuzz::must(target.definition.is_object() && target.permits_definition.is_object(), "no definition");
    // The system's calls would take what is in front of it for the whole.
    for (const auto& word : target.command) fuzz::must(!has_nul(word), "a NUL in a command");
    for (const auto& [variable, value] : target.environment)
      fuzz::must(!has_nul(variable) && !has_nul(value) && !variable.empty(), "a NUL in the environment");
    fuzz::must(!has_nul(target.directory), "a NUL in a path");
    static_cast<void>(command_of(target));
  }
  fuzz::must(made.fixed.is_object(), "no part that is fixed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  try {
    check_config(antiphon_command::read_relay_config(std::string(name), std::string(text)));
  } catch (const config_error& wrong) {
    check_message(wrong.what(), text);
  }
  return 0;
}
