#include "command_line.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using json_ls::settings;

namespace {

settings parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "program");
  return json_ls::parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("the transport is stdio unless another is asked for") {
  CHECK(parse({}).over == settings::transport::stdio);
  CHECK(parse({"--stdio"}).over == settings::transport::stdio);
}

TEST_CASE("--tcp takes a host and a port") {
  const auto chosen = parse({"--tcp", "localhost:4711"});
  CHECK(chosen.over == settings::transport::tcp);
  CHECK(chosen.host == "localhost");
  CHECK(chosen.port == 4711);
  CHECK(parse({"--tcp", "[::1]:0"}).host == "::1");
}

TEST_CASE("--unix takes a path") {
  const auto chosen = parse({"--unix", "/run/json.sock"});
  CHECK(chosen.over == settings::transport::unix_socket);
  CHECK(chosen.path == "/run/json.sock");
}

TEST_CASE("--help asks for no transport") { CHECK(parse({"--help"}).over == settings::transport::none); }

TEST_CASE("a command line that can't be followed is refused") {
  const std::vector<std::vector<const char*>> refused = {{"--tcp"},
                                                         {"--unix"},
                                                         {"--unix", ""},
                                                         {"--tcp", "4711"},
                                                         {"--tcp", ":4711"},
                                                         {"--tcp", "localhost:"},
                                                         {"--tcp", "localhost:65536"},
                                                         {"--tcp", "localhost:-1"},
                                                         {"--tcp", "localhost:80x"},
                                                         {"--stdio", "--unix", "a"},
                                                         {"--verbose"},
                                                         {"file.json"}};
  for (const auto& arguments : refused) {
    CAPTURE(std::string(arguments.back()));
    CHECK_THROWS_AS(parse(arguments), json_ls::usage_error);
  }
}
