#include "tools/antiphon/relay_config.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace antiphon_command;
using namespace std::chrono_literals;
namespace relay = antiphon::relay;

namespace {

relay_config read(std::string text) { return read_relay_config("relay.json", std::move(text)); }

std::string mistake_in(std::string text) {
  try {
    read(std::move(text));
  } catch (const config_error& e) {
    return e.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a configuration that says nothing but a command has the defaults of the library") {
  const relay_config made = read(R"({"targets": {"a": {"command": ["x", "y"]}}})");
  REQUIRE(made.targets.size() == 1);
  const target_config& one = made.targets.front();
  CHECK(one.name == "a");
  CHECK(one.command == std::vector<std::string>{"x", "y"});
  CHECK(one.permits.max_in_flight == relay::target_options().max_in_flight);
  CHECK(one.restart.max_restarts == relay::restart_options().max_restarts);
  CHECK(one.health.interval == 0ms);
  CHECK(made.listen.size() == 1);
  CHECK(made.listen.front().over == listen_config::kind::stdio);
  CHECK_FALSE(made.topics.has_value());
}

TEST_CASE("every setting of a target is read") {
  const relay_config made = read(R"({"drain_ms": 7, "statistics_method": "", "check": "envelope",
    "routing": {"prefix_separator": ".", "strip_prefix": false, "target_member": "", "otherwise": "a"},
    "listen": [{"at": "tcp:[::1]:80", "framing": "line", "max_connections": 3}, {"at": "unix:@x"}],
    "topics": {"max_queued": 2, "max_queued_bytes": 3, "when_full": "block", "publish": "p", "event": "e"},
    "targets": {"a": {"command": ["x"], "directory": "/d", "env": {"V": "w"}, "stderr": "discard",
      "framing": "sequence", "restart": {"when": "always", "first_delay_ms": 1, "factor": 1.5, "max_delay_ms": 2,
      "well_after_ms": 3, "max_restarts": 4, "window_ms": 5}, "health": {"method": "h", "interval_ms": 6,
      "timeout_ms": 7}, "stop": {"end_of_input_ms": 8, "terminate_ms": 9}, "max_in_flight": 10, "max_queued": 11,
      "max_queued_bytes": 12, "overload": "wait", "queue_while_starting": false}}})");
  CHECK(made.drain == 7ms);
  CHECK(made.statistics_method.empty());
  CHECK(made.check == antiphon::validation::envelope);
  CHECK(made.routing.prefix_separator == ".");
  CHECK_FALSE(made.routing.strip_prefix);
  CHECK(made.routing.target_member.empty());
  CHECK(made.routing.otherwise == "a");
  CHECK(made.listen[0].address == "::1");
  CHECK(made.listen[0].port == 80);
  CHECK(made.listen[0].max_connections == 3);
  CHECK(made.listen[1].address == "@x");
  CHECK(made.topic_limits.when_full == relay::slow_subscriber::block);
  CHECK(made.topic_limits.max_queued_bytes == 3);
  CHECK(made.topics->publish == "p");
  CHECK(made.topics->event == "e");
  const target_config& one = made.targets.front();
  CHECK(one.directory == "/d");
  CHECK(one.environment.front().second == "w");
  CHECK(one.discard_stderr);
  CHECK(one.framing == framing_name::sequence);
  CHECK(one.restart.when == relay::restart::always);
  CHECK(one.restart.factor == 1.5);
  CHECK(one.restart.window == 5ms);
  CHECK(one.health_method == "h");
  CHECK(one.health.interval == 6ms);
  CHECK(one.health.timeout == 7ms);
  CHECK(one.after_end_of_input == 8ms);
  CHECK(one.after_terminate == 9ms);
  CHECK(one.permits.max_in_flight == 10);
  CHECK(one.permits.overload == antiphon::overload::wait);
  CHECK_FALSE(one.permits.queue_while_starting);
}

TEST_CASE("a mistake is told with its line and where it is in the JSON") {
  CHECK(mistake_in("{\n \"targets\": {\n  \"a/\": 1}}") ==
        R"(relay.json:3: /targets/a~1: the name of a target may not have "/" in it)");
  CHECK(mistake_in("{\"targets\": {\n\"a\": {\"command\": [\"x\",\n\ntrue]}}}") ==
        "relay.json:4: /targets/a/command/1: expected a string, found a boolean");
  CHECK(mistake_in("{\"targets\":\n nul}").starts_with("relay.json:2: column "));
  CHECK(mistake_in("").starts_with("relay.json:1: column 1: "));
  CHECK(mistake_in("[]") == "relay.json:1: the whole: expected an object, found an array");
}

TEST_CASE("a NUL in what the system reads up to its first NUL is a mistake") {
  const auto with = [](const std::string& rest) { return "{\"targets\": {\"a\": {" + rest + "}}}"; };
  CHECK(mistake_in(with(R"("command": ["/bin/x\u0000.safe"])")) ==
        "relay.json:1: /targets/a/command/0: there may be no NUL in it");
  CHECK(mistake_in(with(R"("command": ["x"], "directory": "/\u0000tmp")")) ==
        "relay.json:1: /targets/a/directory: there may be no NUL in it");
  CHECK(mistake_in(with(R"("command": ["x"], "env": {"A": "b\u0000"})")) ==
        "relay.json:1: /targets/a/env/A: there may be no NUL in it");
  CHECK(mistake_in(with(R"("command": ["x"], "env": {"A\u0000B": "b"})")) ==
        R"(relay.json:1: /targets/a/env/A\u0000B: that is no name of an environment variable)");
}

TEST_CASE("whether a target has changed doesn't depend on layout, and permits count apart") {
  const auto of = [](std::string text) { return read(std::move(text)).targets.front(); };
  const target_config one = of(R"({"targets": {"a": {"command": ["x"], "framing": "line"}}})");
  const target_config same = of(R"({"targets": {"a": {"framing":"line",   "command":["x"]}}})");
  const target_config other = of(R"({"targets": {"a": {"command": ["y"], "framing": "line"}}})");
  const target_config tighter =
      of(R"({"targets": {"a": {"command": ["x"], "framing": "line", "max_queued": 1}}})");
  CHECK(one.definition == same.definition);
  CHECK(one.definition != other.definition);
  CHECK(one.definition == tighter.definition);
  CHECK(one.permits_definition != tighter.permits_definition);
}
