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

Or a language server that several editors share, over standard input and a socket:

  antiphon relay --share --listen stdio --listen unix:/tmp/clangd.sock -- clangd

docs/guide/relay.md has all of its settings. SIGHUP reads the file again: targets that are new are started,
those that are gone are ended, those that have changed are started anew; "listen", "topics" and "check" take
effect at the next start. A file with a mistake changes nothing.
SIGTERM and SIGINT end the relay: requests that targets have may be answered until "drain_ms" is over.

Exit codes: 0 ended as asked, or by the end of its standard input where a client is there; 1 there is no
listening where it should, or something else failed; 2 wrong usage, or a mistake in the file.)";

struct given {
  std::string config;
  bool check = false;
  bool share = false;
  std::vector<std::string> listen;
  std::string framing;
  std::vector<std::string> command;
};

/// What `--share` stands for.
relay_config shared(const given& on) {
  if (!on.config.empty() || on.check) throw usage_error("--share needs no file");
  if (on.command.empty()) throw usage_error("name the server to share: --share -- COMMAND");
  relay_config made;
  made.share = true;
  framing_name framing = framing_name::content_length;
  if (on.framing == "line") framing = framing_name::line;
  if (on.framing == "sequence") framing = framing_name::sequence;
  for (const std::string& text : on.listen) {
    try {
      made.listen.push_back(parse_listen(text));
    } catch (const std::invalid_argument& e) {
      throw usage_error(fmt::format("--listen: {}", e.what()));
    }
  }
  if (made.listen.empty()) made.listen.emplace_back();
  for (listen_config& one : made.listen) one.framing = framing;
  target_config server;
  server.name = on.command.front();
  server.command = on.command;
  server.framing = framing;
  made.targets.push_back(std::move(server));
  return made;
}

asio::awaitable<void> serve(relay_config config, std::string path) {
  const auto executor = co_await asio::this_coro::executor;
  const auto program = std::make_shared<relay_program>(executor, std::move(config), std::move(path));
  auto running = program->run();
  co_await std::move(running);
}

int run(const given& on) {
  if (on.share) return antiphon::run_main(serve(shared(on), ""));
  if (!on.command.empty() || !on.listen.empty() || !on.framing.empty())
    throw usage_error("a COMMAND, --listen and --framing go with --share");
  if (on.config.empty()) throw usage_error("name a file: --config FILE; or a server: --share -- COMMAND");
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
  app.add_flag(
      "--share", on.share,
      "instead of a file: one language server for several clients, of which each believes that it has "
      "it for itself");
  app.add_option("--listen", on.listen,
                 "where its clients come from: stdio (the default), unix:PATH or tcp:HOST:PORT; may be given "
                 "several times")
      ->type_name("PLACE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);  // or it takes the "--" before the command
  app.add_option("--framing", on.framing, "of its messages: content-length (the default), line or sequence")
      ->check(CLI::IsMember({"content-length", "line", "sequence"}))
      ->type_name("NAME");
  app.add_option("command", on.command, "the server to share, after --")->type_name("ARG");
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
