#include "command_line.hpp"

#include <charconv>
#include <string_view>

namespace json_ls {
namespace {

void read_address(std::string_view address, settings& chosen) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) throw usage_error("--tcp needs HOST:PORT");
  chosen.host = address.substr(0, colon);
  const bool bracketed = chosen.host.starts_with('[') && chosen.host.ends_with(']');
  if (bracketed) chosen.host = chosen.host.substr(1, chosen.host.size() - 2);

  const std::string_view port = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), chosen.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    throw usage_error("--tcp: '" + std::string(port) + "' is no port");
  }
}

}  // namespace

settings parse_command_line(int argc, const char* const* argv) {
  settings chosen;
  bool transport_chosen = false;
  const auto choose = [&](settings::transport over) {
    if (transport_chosen) throw usage_error("--stdio, --tcp and --unix exclude each other");
    transport_chosen = true;
    chosen.over = over;
  };
  for (int at = 1; at < argc; ++at) {
    const std::string_view option = argv[at];
    const auto value = [&]() -> std::string_view {
      if (++at == argc) throw usage_error(std::string(option) + " needs a value");
      return argv[at];
    };
    if (option == "--help" || option == "-h") {
      chosen.over = settings::transport::none;
      return chosen;
    }
    if (option == "--stdio") {
      choose(settings::transport::stdio);
    } else if (option == "--tcp") {
      choose(settings::transport::tcp);
      read_address(value(), chosen);
    } else if (option == "--unix") {
      choose(settings::transport::unix_socket);
      chosen.path = value();
      if (chosen.path.empty()) throw usage_error("--unix needs a path");
    } else {
      throw usage_error("unknown option '" + std::string(option) + "'");
    }
  }
  return chosen;
}

}  // namespace json_ls
