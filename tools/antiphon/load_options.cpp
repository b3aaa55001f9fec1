#include "tools/antiphon/load_options.hpp"

#include "tools/antiphon/verbs.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <map>
#include <optional>

namespace load {

using antiphon_command::usage_error;

namespace {

/// The command line as it is written: what is not there can come from a scenario.
struct given {
  std::string framing = "content-length";
  std::string tcp;
  std::string unix_path;
  int pid = 0;
  std::string scenario;
  std::string method = "echo";
  std::string params;
  std::optional<std::string> mode;
  std::optional<std::string> payload;
  std::optional<std::size_t> size;
  std::optional<std::size_t> window;
  std::size_t batch = 100;
  std::optional<double> rate;
  std::vector<std::string> beside;
  bool punctual = false;
  std::optional<double> seconds;
  std::optional<std::uint64_t> messages;
  double warm_up = 0.3;
  double timeout = 10;
  bool json = false;
  bool allow_errors = false;
  std::vector<std::string> command;
};

struct preset {
  const char* mode;
  std::size_t size;
  std::size_t window;
  double seconds;
};

const std::map<std::string, mode> modes{
    {"ping-pong", mode::ping_pong}, {"pipelined", mode::pipelined}, {"notifications", mode::notifications},
    {"burst", mode::burst},         {"batch", mode::batch},         {"open-loop", mode::open_loop},
    {"mixed", mode::mixed}};
const std::map<std::string, filling> fillings{
    {"string", filling::string}, {"integers", filling::integers}, {"scalars", filling::scalars}};
const std::map<std::string, antiphon::framing_factory> framings{
    {"content-length", antiphon::content_length_framing::make},
    {"line", antiphon::line_framing::make},
    {"sequence", antiphon::sequence_framing::make}};
const std::map<std::string, preset> presets{{"fire-and-forget", {"notifications", 100, 128, 2}},
                                            {"request-response", {"ping-pong", 100, 1, 2}},
                                            {"burst", {"burst", 100, 2048, 2}},
                                            {"sustained", {"pipelined", 100, 128, 60}},
                                            {"small", {"pipelined", 80, 128, 2}},
                                            {"large", {"ping-pong", 1'100'000, 1, 2}}};

constexpr const char* footer = R"(
Scenarios, each a preset that other options change:
  fire-and-forget   notifications of 100 bytes
  request-response  ping-pong, 100 bytes
  burst             2048 requests of 100 bytes at once, and again when all are answered
  sustained         pipelined, 100 bytes, for 60 seconds
  small             pipelined, 80 bytes
  large             ping-pong, 1.1 MB

Exit codes: 0 all went well; 1 the server failed: a wrong, missing or needless answer, an error response
(unless --allow-errors), its early end, an exit code other than 0; 2 wrong usage.)";

template <class Value>
CLI::Validator one_of(const std::map<std::string, Value>& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.push_back(name);
  return CLI::IsMember(names);
}

void describe(CLI::App& app, given& on) {
  app.footer(footer);
  app.set_help_flag("--help", "print this");
  app.add_option("--tcp", on.tcp, "connect instead of starting a server")->type_name("HOST:PORT");
  app.add_option("--unix", on.unix_path, "connect to a Unix socket")->type_name("PATH")->excludes("--tcp");
  app.add_option("--pid", on.pid,
                 "the server's process, for its CPU time (where the server isn't started here)")
      ->check(CLI::PositiveNumber)
      ->type_name("PID");
  app.add_option("--framing", on.framing, "content-length (the default), line or sequence")
      ->check(one_of(framings))
      ->type_name("NAME");
  app.add_option("--scenario", on.scenario, "a preset, see below")->check(one_of(presets))->type_name("NAME");
  app.add_option("--mode", on.mode,
                 "ping-pong (the default), pipelined, burst, notifications, batch, open-loop or mixed")
      ->check(one_of(modes))
      ->type_name("NAME");
  app.add_option("--window", on.window, "requests in flight, or in a burst (128); in batch mode batches (1)")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  app.add_option("--batch", on.batch, "members of a batch (100)")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  app.add_option("--rate", on.rate,
                 "requests a second in open-loop mode; latency counts from when each was due")
      ->check(CLI::Range(0.1, 1e7))
      ->type_name("R");
  app.add_option("--beside", on.beside,
                 "in open-loop mode: requests of this method too, so many a second; they count as messages, "
                 "but not for the latency")
      ->take_all()
      ->type_name("METHOD=R");
  app.add_flag("--punctual", on.punctual,
               "in open-loop mode: what a server that is behind has not taken when the time is over is never "
               "sent");
  app.add_option("--method", on.method, "the method to call (echo)")->type_name("NAME");
  app.add_option("--size", on.size, "size of a message, about (100)")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 29))
      ->type_name("BYTES");
  app.add_option("--payload", on.payload, "string, integers (an array), or scalars: two integers, as for add")
      ->check(one_of(fillings))
      ->type_name("NAME");
  app.add_option("--params", on.params, "these parameters instead")
      ->type_name("JSON")
      ->excludes("--size", "--payload");
  app.add_option("--seconds", on.seconds, "how long to measure (2)")
      ->check(CLI::Range(0.01, 1e6))
      ->type_name("S");
  app.add_option("--messages", on.messages, "how many messages to measure instead")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{8'000'000'000}))
      ->type_name("N")
      ->excludes("--seconds");
  app.add_option("--warm-up", on.warm_up, "how long to run before that (0.3)")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("S");
  app.add_option("--timeout", on.timeout, "how long the server may do nothing (10)")
      ->check(CLI::Range(0.01, 1e6))
      ->type_name("S");
  app.add_flag("--json", on.json, "print one JSON object");
  app.add_flag("--allow-errors", on.allow_errors, "error responses are answers like others");
  app.add_option("command", on.command, "the server to start, after --; it talks over its stdin and stdout")
      ->type_name("ARG");
}

nanoseconds as_time(double seconds) {
  return std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
}

void check_params(const std::string& params) {
  if (params.empty()) return;
  const bool structured = params.front() == '[' || params.front() == '{';
  if (!structured || antiphon::validate(params, 256))
    throw usage_error("--params: not a JSON array or object");
}

options::companion companion_of(const std::string& text) {
  const std::size_t sign = text.rfind('=');
  options::companion made;
  if (sign != std::string::npos) {
    made.method = text.substr(0, sign);
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data() + sign + 1, end, made.rate);
    if (problem != std::errc() || stop != end) made.rate = 0;
  }
  if (made.method.empty() || !(made.rate >= 0.1 && made.rate <= 1e7))
    throw usage_error("--beside needs METHOD=REQUESTS_A_SECOND");
  return made;
}

options resolve(given&& on) {
  const int servers = !on.command.empty() + !on.tcp.empty() + !on.unix_path.empty();
  if (servers != 1) throw usage_error("name one server: -- COMMAND, --tcp HOST:PORT or --unix PATH");
  if (!on.tcp.empty() && on.tcp.find(':') == std::string::npos) throw usage_error("--tcp needs HOST:PORT");
  check_params(on.params);

  const preset base = on.scenario.empty() ? preset{"ping-pong", 100, 128, 2} : presets.at(on.scenario);
  options chosen;
  chosen.command = std::move(on.command);
  if (!on.tcp.empty()) chosen.over = transport::tcp;
  if (!on.unix_path.empty()) chosen.over = transport::unix_socket;
  chosen.address = chosen.over == transport::tcp ? on.tcp : on.unix_path;
  chosen.pid = on.pid;
  chosen.mode_name = on.mode.value_or(base.mode);
  chosen.mode = modes.at(chosen.mode_name);
  chosen.framing_name = on.framing;
  chosen.framing = framings.at(on.framing);
  chosen.method = on.method;
  chosen.size = on.size.value_or(base.size);
  chosen.filling = fillings.at(on.payload.value_or(on.method == "add" ? "scalars" : "string"));
  chosen.params = on.params;
  chosen.window = on.window.value_or(chosen.mode == mode::batch ? 1 : base.window);
  if (chosen.mode == mode::ping_pong) chosen.window = 1;
  chosen.batch = on.batch;
  if (on.messages) {
    chosen.measured.messages = *on.messages;
  } else {
    chosen.measured.time = as_time(on.seconds.value_or(base.seconds));
  }
  chosen.warm_up.time = as_time(on.warm_up);
  chosen.patience = as_time(on.timeout);
  chosen.json = on.json;
  chosen.allow_errors = on.allow_errors;
  if (on.rate.has_value() != (chosen.mode == mode::open_loop))
    throw usage_error(on.rate ? "--rate goes with --mode open-loop" : "--mode open-loop needs --rate");
  chosen.rate = on.rate.value_or(0);
  if (chosen.mode != mode::open_loop && (!on.beside.empty() || on.punctual))
    throw usage_error("--beside and --punctual go with --mode open-loop");
  for (const std::string& text : on.beside) chosen.beside.push_back(companion_of(text));
  chosen.punctual = on.punctual;
  return chosen;
}

}  // namespace

std::optional<options> parse_options(int argc, const char* const* argv) {
  CLI::App app("Drives a JSON-RPC server and reports rates and latencies.", "antiphon load");
  given on;
  describe(app, on);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    throw usage_error(e.what());
  }
  return resolve(std::move(on));
}

}  // namespace load
