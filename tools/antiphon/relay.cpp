// antiphon relay: stands between clients and the programs that serve them.

#include "tools/antiphon/relay_config.hpp"
#include "tools/antiphon/relay_program.hpp"
#include "tools/antiphon/verbs.hpp"

#include <antiphon/run_main.hpp>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace antiphon_command {
namespace {

constexpr const char* footer = R"(
A file for two servers, of which each gets the methods that begin with its name ("sqlite/query" asks `sqlite`
for "query"):

  {
    "listen": [{"at": "unix:/tmp/relay.sock"}],
    "targets": {
      "sqlite": {"command": ["python3", "sqlite_server.py"], "framing": "line"},
      "search": {"command": ["search-server", "--stdio"], "restart": {"when": "always"}}
    }
  }

docs/guide/relay.md has all of its settings. SIGHUP reads the file again: targets that are new are started,
those that are gone are ended, those that have changed are started anew; a file with a mistake changes nothing.
SIGTERM and SIGINT end the relay: requests that targets have may be answered until "drain_ms" is over.

Exit codes: 0 ended as asked, or by the end of its standard input where a client is there; 1 there is no
listening where it should, or something else failed; 2 wrong usage, or a mistake in the file.)";

struct given {
  std::string config;
  bool check = false;
};

asio::awaitable<void> serve(relay_config config, std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  const auto program = std::make_shared<relay_program>(executor, std::move(config), std::move(path));
  auto running = program->run();
  co_await std::move(running);
}

int run(const given& on) {
  if (on.config.empty()) throw usage_error("name a file: --config FILE");
  relay_config config = load_relay_config(on.config);
  if (on.check) {
    fmt::print("{}: no mistakes; {} targets\n", on.config, config.targets.size());
    return fine;
  }
  return antiphon::run_main(serve(std::move(config), on.config));
}

}  // namespace

int relay(int argc, const char* const* argv) {
  CLI::App app("Stands between clients and the programs that serve them.", "antiphon relay");
  given on;
  app.footer(footer);
  app.set_help_flag("--help", "print this");
  app.add_option("--config", on.config, "what to do, as JSON")->type_name("FILE");
  app.add_flag("--check", on.check, "only look for mistakes in the file");
  try {
    app.parse(argc, argv);
    return run(on);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return fine;
  } catch (const CLI::ParseError& e) {
    say(fmt::format("{}\nRun it with --help for its options.", e.what()));
  } catch (const usage_error& e) {
    say(fmt::format("{}\nRun it with --help for its options.", e.what()));
  } catch (const config_error& e) {
    say(e.what());
  }
  return wrong_usage;
}

}  // namespace antiphon_command
