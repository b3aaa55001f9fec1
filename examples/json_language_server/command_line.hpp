#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace json_ls {

/// What the command line asks for.
struct settings {
  enum class transport { stdio, tcp, unix_socket, none };

  transport over = transport::stdio;  ///< `none` for --help: there is nothing to serve
  std::string host;
  std::uint16_t port = 0;
  std::string path;
};

/// A command line that can't be followed, in words for who wrote it.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr const char* usage =
    "usage: antiphon-json-language-server [--stdio | --tcp HOST:PORT | --unix PATH]\n"
    "  --stdio          speak over standard input and output (the default)\n"
    "  --tcp HOST:PORT  listen there; port 0 takes any free one\n"
    "  --unix PATH      listen on a Unix socket\n"
    "Listeners print one line, `listening ADDRESS`, on standard error.\n";

/// @throws usage_error
settings parse_command_line(int argc, const char* const* argv);

}  // namespace json_ls
