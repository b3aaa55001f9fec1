// antiphon: one command with verbs.

#include "tools/antiphon/verbs.hpp"

#include <fmt/core.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace {

using namespace antiphon_command;

struct verb {
  std::string_view name;
  int (*run)(int argc, const char* const* argv);
};

constexpr std::array<verb, 2> verbs{{{"relay", relay}, {"load", load}}};

constexpr std::string_view help = R"(antiphon VERB [OPTION...]

Tools for JSON-RPC: programs that speak it over their standard input and output, or over sockets.

  relay   stands between clients and the programs that serve them: starts the programs, sends each request
          to the one it is for, starts again what has died
  load    asks a server as fast as it can, checks the answers, and says how fast they came
  help    this; antiphon VERB --help says what a verb can do

For example, where a program `calc` answers the method "add" over its standard input and output:
  antiphon load --method add -- calc
  antiphon relay --config relay.json

Exit codes: 0 all went well; 1 something failed, a line on standard error says what; 2 wrong usage.
)";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc < 2 ? std::string_view() : argv[1];
  if (name == "help" || name == "--help" || name == "-h") {
    fmt::print("{}", help);
    return fine;
  }
  for (const verb& one : verbs) {
    if (one.name == name) return one.run(argc - 1, argv + 1);
  }
  if (name.empty()) {
    fmt::print(stderr, "{}", help);
  } else {
    fmt::print(stderr, "antiphon: no verb '{}'; antiphon help lists them\n", name);
  }
  return wrong_usage;
}
