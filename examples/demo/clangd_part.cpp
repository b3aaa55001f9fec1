#include "lsp_client.hpp"
#include "parts.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace demo {
namespace {

constexpr std::string_view source =
    "/// How many bytes of the tide come in.\n"
    "int tide(int bytes, int seconds);\n"
    "\n"
    "int main() {\n"
    "  int height = tide(42, 7);\n"
    "  return hieght;\n"
    "}\n";

/// A directory of its own that goes with it.
class temporary_directory {
 public:
  temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "antiphon-demo-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

asio::awaitable<void> converse(language_server& server, transcript& shown, std::string file) {
  auto greeting = greet(server, shown);
  co_await std::move(greeting);

  opened_document document;
  document.uri = file_uri(file);
  document.languageId = "cpp";
  document.text = source;
  const json_ls::text_document text(document.text);
  auto opening = open(server, shown, document);
  co_await std::move(opening);
  auto complaining = show_diagnostics(server, shown, text);
  const published_diagnostics published = co_await std::move(complaining);
  expect(!published.diagnostics.empty(), "clangd found no mistake");

  auto hovering = hover(server, shown, document.uri, text.position_at(source.rfind("tide")));
  const std::string looked = co_await std::move(hovering);
  expect(looked.find("tide") != std::string::npos, "clangd's hover says nothing of `tide`");

  std::string mended(source);
  mended.replace(mended.find("hieght"), 6, "height");
  const json_ls::text_document whole(mended);
  auto changing = change(server, shown, document.uri, 2, mended, "return height;");
  co_await std::move(changing);
  auto confirming = show_diagnostics(server, shown, whole);
  const published_diagnostics remaining = co_await std::move(confirming);
  expect(remaining.diagnostics.empty(), "clangd still finds problems");

  auto leaving = leave(server, shown);
  co_await std::move(leaving);
}

}  // namespace

asio::awaitable<void> show_clangd(transcript& shown, std::string program) {
  shown.begin("A C++ file with a mistake in it, and clangd", "clangd");
  const temporary_directory directory;
  const std::string file = directory.path() / "tide.cpp";
  std::ofstream(file) << source;

  auto executor = co_await asio::this_coro::executor;
  language_server server(executor);
  antiphon::command command(program);
  command.arg("--background-index=false").arg("--log=error").directory(directory.path());
  language_server::body talk = [&shown, &file](language_server& peer) { return converse(peer, shown, file); };
  auto running = server.run(std::move(command), std::move(talk));
  co_await std::move(running);
  shown.detail("clangd ended with code 0.");
}

}  // namespace demo
