#include "tools/antiphon/relay_config.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/streaming/sequence_framing.hpp>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace antiphon_command {
namespace {

using std::chrono::milliseconds;
namespace relay = antiphon::relay;

constexpr std::uint64_t longest_ms = 24ull * 3600 * 1000;
constexpr std::array<std::string_view, 5> permit_names{"max_in_flight", "max_queued", "max_queued_bytes",
                                                       "overload", "queue_while_starting"};
// What can change while it runs.
constexpr std::array<std::string_view, 4> changeable_names{"targets", "routing", "statistics_method",
                                                           "drain_ms"};

void read(config_object& from, std::string_view name, milliseconds& into) {
  if (const auto value = from.find(name)) into = milliseconds(value->integer(0, longest_ms));
}
void read(config_object& from, std::string_view name, std::size_t& into, std::uint64_t least = 0) {
  if (const auto value = from.find(name)) into = value->integer(least, std::uint64_t{1} << 40);
}
void read(config_object& from, std::string_view name, std::string& into) {
  if (const auto value = from.find(name)) into = value->string();
}
void read(config_object& from, std::string_view name, bool& into) {
  if (const auto value = from.find(name)) into = value->boolean();
}
void read(config_object& from, std::string_view name, framing_name& into) {
  if (const auto value = from.find(name))
    into = static_cast<framing_name>(value->one_of({"content-length", "line", "sequence"}));
}
void read_method(config_object& from, std::string_view name, std::string& into) {
  const auto value = from.find(name);
  if (!value) return;
  into = value->string();
  if (into.empty()) value->fail("expected the name of a method, found an empty string");
}

// For what the system takes up to its first NUL.
std::string without_nul(const config_value& value) {
  std::string text = value.string();
  if (text.find('\0') != std::string::npos) value.fail("there may be no NUL in it");
  return text;
}

relay::restart_options read_restart(const config_value& value) {
  relay::restart_options made;
  config_object in(value);
  if (const auto when = in.find("when"))
    made.when = static_cast<relay::restart>(when->one_of({"never", "on_failure", "always"}));
  read(in, "first_delay_ms", made.first_delay);
  if (const auto factor = in.find("factor")) made.factor = factor->number(1, 1000);
  read(in, "max_delay_ms", made.max_delay);
  read(in, "well_after_ms", made.well_after);
  read(in, "max_restarts", made.max_restarts);
  read(in, "window_ms", made.window);
  in.done();
  return made;
}

void read_health(const config_value& value, target_config& into) {
  config_object in(value);
  read_method(in, "method", into.health_method);
  into.health.interval = milliseconds(in.need("interval_ms").integer(1, longest_ms));
  if (const auto timeout = in.find("timeout_ms"))
    into.health.timeout = milliseconds(timeout->integer(1, longest_ms));
  in.done();
}

void read_stop(const config_value& value, target_config& into) {
  config_object in(value);
  read(in, "end_of_input_ms", into.after_end_of_input);
  read(in, "terminate_ms", into.after_terminate);
  in.done();
}

void split_definition(const config_value& value, target_config& into) {
  auto whole = antiphon::raw_json(value.json()).to_value().as_object();
  boost::json::object permits;
  for (const std::string_view name : permit_names) {
    const auto found = whole.find(name);
    if (found == whole.end()) continue;
    permits.emplace(name, found->value());
    whole.erase(found);
  }
  into.definition = std::move(whole);
  into.permits_definition = std::move(permits);
}

target_config read_target(std::string name, const config_value& value, const std::string& separator) {
  if (name.empty()) value.fail("a target needs a name");
  if (!separator.empty() && name.find(separator) != std::string::npos)
    value.fail(fmt::format("the name of a target may not have \"{}\" in it", separator));
  target_config made;
  made.name = std::move(name);
  config_object in(value);
  const config_value words = in.need("command");
  constexpr std::string_view what = "an array of strings";
  for (const config_value& word : words.elements(what)) made.command.push_back(without_nul(word));
  if (made.command.empty() || made.command.front().empty())
    words.fail("expected a program and its arguments, found none");
  if (const auto directory = in.find("directory")) made.directory = without_nul(*directory);
  if (const auto environment = in.find("env")) {
    for (const auto& [variable, text] : environment->members()) {
      if (variable.empty() || variable.find_first_of(std::string_view("=\0", 2)) != std::string::npos)
        text.fail("that is no name of an environment variable");
      made.environment.emplace_back(variable, without_nul(text));
    }
  }
  if (const auto error = in.find("stderr")) made.discard_stderr = error->one_of({"inherit", "discard"}) == 1;
  read(in, "framing", made.framing);
  if (const auto restart = in.find("restart")) made.restart = read_restart(*restart);
  if (const auto health = in.find("health")) read_health(*health, made);
  if (const auto stop = in.find("stop")) read_stop(*stop, made);
  read(in, "max_in_flight", made.permits.max_in_flight, 1);
  read(in, "max_queued", made.permits.max_queued);
  read(in, "max_queued_bytes", made.permits.max_queued_bytes);
  if (const auto overload = in.find("overload"))
    made.permits.overload =
        overload->one_of({"reject", "wait"}) == 0 ? antiphon::overload::reject : antiphon::overload::wait;
  read(in, "queue_while_starting", made.permits.queue_while_starting);
  in.done();
  split_definition(value, made);
  return made;
}

listen_config read_listen(const config_value& value) {
  config_object in(value);
  listen_config made;
  const config_value at = in.need("at");
  try {
    made = parse_listen(at.string());
  } catch (const std::invalid_argument& e) {
    at.fail(e.what());
  }
  read(in, "framing", made.framing);
  read(in, "max_connections", made.max_connections, 1);
  in.done();
  return made;
}

relay::broker_options read_routing(const config_value& value) {
  relay::broker_options made;
  config_object in(value);
  read(in, "prefix_separator", made.prefix_separator);
  read(in, "strip_prefix", made.strip_prefix);
  read(in, "target_member", made.target_member);
  read(in, "otherwise", made.otherwise);
  in.done();
  return made;
}

void read_topics(const config_value& value, relay_config& into) {
  relay::topic_methods methods;
  config_object in(value);
  read(in, "max_queued", into.topic_limits.max_queued, 1);
  read(in, "max_queued_bytes", into.topic_limits.max_queued_bytes);
  if (const auto full = in.find("when_full"))
    into.topic_limits.when_full =
        static_cast<relay::slow_subscriber>(full->one_of({"drop_oldest", "block", "disconnect"}));
  read_method(in, "subscribe", methods.subscribe);
  read_method(in, "unsubscribe", methods.unsubscribe);
  read_method(in, "publish", methods.publish);
  read_method(in, "event", methods.event);
  in.done();
  into.topics = std::move(methods);
}

}  // namespace

antiphon::framing_factory framing_of(framing_name name) {
  switch (name) {
    case framing_name::line: return antiphon::line_framing::make;
    case framing_name::sequence: return antiphon::sequence_framing::make;
    case framing_name::content_length: break;
  }
  return antiphon::content_length_framing::make;
}

listen_config parse_listen(const std::string& text) {
  listen_config made;
  if (text == "stdio") return made;
  if (text.starts_with("unix:") && text.size() > 5) {
    made.over = listen_config::kind::unix_socket;
    made.address = text.substr(5);
    return made;
  }
  const std::size_t colon = text.rfind(':');
  if (text.starts_with("tcp:") && colon > 4) {
    made.over = listen_config::kind::tcp;
    made.address = text.substr(4, colon - 4);
    if (made.address.starts_with('[') && made.address.ends_with(']'))
      made.address = made.address.substr(1, made.address.size() - 2);
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + colon + 1, end, made.port);
    if (problem == std::errc() && stop == end && !made.address.empty()) return made;
  }
  throw std::invalid_argument(
      fmt::format("expected \"stdio\", \"unix:PATH\" or \"tcp:HOST:PORT\", found \"{}\"", text));
}

relay_config read_relay_config(std::string name, std::string text) {
  relay_config made;
  const config_value whole = config_value::parse(std::move(name), std::move(text));
  config_object in(whole);
  if (const auto listen = in.find("listen")) {
    for (const config_value& one : listen->elements()) made.listen.push_back(read_listen(one));
    if (made.listen.empty()) listen->fail("there has to be a place for clients to come to");
    if (std::ranges::count(made.listen, listen_config::kind::stdio, &listen_config::over) > 1)
      listen->fail("stdio can serve one client only");
  } else {
    made.listen.emplace_back();
  }
  if (const auto routing = in.find("routing")) made.routing = read_routing(*routing);
  for (const auto& [target, value] : in.need("targets").members())
    made.targets.push_back(read_target(target, value, made.routing.prefix_separator));
  if (const auto topics = in.find("topics")) read_topics(*topics, made);
  read(in, "statistics_method", made.statistics_method);
  read(in, "drain_ms", made.drain);
  if (const auto check = in.find("check"))
    made.check = check->one_of({"full", "envelope"}) == 0 ? antiphon::validation::full
                                                          : antiphon::validation::envelope;
  in.done();
  const std::string& otherwise = made.routing.otherwise;
  if (!otherwise.empty() &&
      std::ranges::find(made.targets, otherwise, &target_config::name) == made.targets.end())
    in.find("routing")->fail(
        fmt::format("\"otherwise\" names the target \"{}\", which there isn't", otherwise));
  auto fixed = antiphon::raw_json(whole.json()).to_value().as_object();
  for (const std::string_view one : changeable_names) fixed.erase(one);
  made.fixed = std::move(fixed);
  return made;
}

relay_config load_relay_config(const std::string& path) {
  std::string text;
  std::ifstream file(path, std::ios::binary);
  bool read = file.is_open();
  try {
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  } catch (const std::ios_base::failure&) {  // a directory can be opened, and then not be read
    read = false;
  }
  if (!read) throw config_error(fmt::format("{}: it can't be read: {}", path, std::strerror(errno)));
  return read_relay_config(path, std::move(text));
}

antiphon::command command_of(const target_config& target) {
  antiphon::command made(target.command.front());
  for (std::size_t i = 1; i < target.command.size(); ++i) made.arg(target.command[i]);
  for (const auto& [name, value] : target.environment) made.env(name, value);
  if (!target.directory.empty()) made.directory(target.directory);
  if (target.discard_stderr) made.stderr_to(antiphon::command::stderr_target::discard);
  made.stop_times(target.after_end_of_input, target.after_terminate);
  return made;
}

}  // namespace antiphon_command
