// antiphon-demo: an antiphon client that talks to language servers, where one can watch.

#include "parts.hpp"
#include "terminal.hpp"

#include <antiphon/antiphon.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace asio = boost::asio;

namespace {

constexpr const char* usage =
    "usage: antiphon-demo [--server PATH]\n"
    "  --server PATH  the JSON language server; by default the one built beside this program\n";

// The first of these programs that is in PATH.
std::optional<std::string> find_program(std::initializer_list<std::string_view> names) {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return std::nullopt;
  for (const std::string_view name : names) {
    std::string_view rest = path;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
      if (access(candidate.c_str(), X_OK) == 0) return candidate;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return std::nullopt;
}

asio::awaitable<void> run(std::string server) {
  demo::transcript shown;
  auto json = demo::show_json_server(shown, server, DEMO_FILE);
  co_await std::move(json);

  const std::optional<std::string> clangd = find_program({"clangd", "clangd-19"});
  if (clangd) {
    auto cpp = demo::show_clangd(shown, *clangd);
    co_await std::move(cpp);
  } else {
    fmt::print("\nclangd is not installed, so the demo goes without it.\n");
  }

  auto load = demo::measure_json_server(server);
  co_await std::move(load);
  fmt::print("\n{}\n", demo::paint(demo::colour::green, "Everything went as it should."));
}

std::string server_beside_us() {
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  return here.parent_path() / "json_language_server" / "antiphon-json-language-server";
}

}  // namespace

int main(int argc, char** argv) {
  std::string server;
  if (argc == 1) {
    server = server_beside_us();
  } else if (argc == 3 && std::string_view(argv[1]) == "--server") {
    server = argv[2];
  } else {
    fmt::print(stderr, "{}", usage);
    return 2;
  }
  return antiphon::run_main(run(std::move(server)));
}
