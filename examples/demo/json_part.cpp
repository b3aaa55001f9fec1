#include "lsp_client.hpp"
#include "parts.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace demo {
namespace {

std::string with_edits(const json_ls::text_document& document, std::vector<json_ls::text_edit> edits) {
  std::string text(document.text());
  const auto begin_of = [&](const json_ls::text_edit& edit) { return document.offset_at(edit.range.start); };
  // From the end of the text to its beginning, so that no edit moves the place of another.
  std::sort(edits.begin(), edits.end(),
            [&](const auto& a, const auto& b) { return begin_of(a) > begin_of(b); });
  for (const json_ls::text_edit& edit : edits) {
    text.replace(begin_of(edit), document.offset_at(edit.range.end) - begin_of(edit), edit.newText);
  }
  return text;
}

// Does what the diagnostics say: a comma where one is missing, none where one is too many.
std::string mended(const json_ls::text_document& document, const published_diagnostics& published) {
  std::vector<json_ls::text_edit> edits;
  for (const published_diagnostic& found : published.diagnostics) {
    json_ls::text_edit edit;
    edit.range = found.range;
    if (found.message.starts_with("expected ','")) {
      edit.range.end = edit.range.start;
      edit.newText = ", ";
    } else {
      expect(found.message == "trailing comma", "a mistake that the demo can't mend: " + found.message);
    }
    edits.push_back(std::move(edit));
  }
  return with_edits(document, std::move(edits));
}

std::string tree_of(const std::vector<json_ls::document_symbol>& symbols, std::size_t depth = 0) {
  std::string lines;
  for (const json_ls::document_symbol& symbol : symbols) {
    const std::string name = std::string(2 * depth, ' ') + symbol.name;
    lines += fmt::format("{} {}\n{}", pad(name, 20), paint(colour::dim, symbol.detail),
                         tree_of(symbol.children, depth + 1));
  }
  return lines;
}

asio::awaitable<void> ask_outline(language_server& server, transcript& shown, std::string uri) {
  json_ls::document_symbol_params params;
  params.textDocument.uri = std::move(uri);
  auto asking = server.ask<std::vector<json_ls::document_symbol>>("textDocument/documentSymbol", params);
  const std::vector<json_ls::document_symbol> symbols = co_await std::move(asking);
  expect(!symbols.empty(), "the outline is empty");
  shown.request("textDocument/documentSymbol", server.took(), fmt::format("{} members", symbols.size()));
  shown.detail(tree_of(symbols));
}

asio::awaitable<std::string> ask_formatting(language_server& server, transcript& shown, std::string uri,
                                            const json_ls::text_document& document) {
  json_ls::document_formatting_params params;
  params.textDocument.uri = std::move(uri);
  auto asking = server.ask<std::vector<json_ls::text_edit>>("textDocument/formatting", params);
  std::vector<json_ls::text_edit> edits = co_await std::move(asking);
  shown.request("textDocument/formatting", server.took(), fmt::format("{} edits", edits.size()));
  const std::string text = with_edits(document, std::move(edits));
  shown.detail(text);
  co_return text;
}

asio::awaitable<void> converse(language_server& server, transcript& shown, std::string file) {
  auto greeting = greet(server, shown);
  co_await std::move(greeting);

  opened_document document;
  document.uri = file_uri(file);
  document.languageId = "json";
  document.text = read_file(file);
  const json_ls::text_document broken(document.text);
  auto opening = open(server, shown, document);
  co_await std::move(opening);
  auto complaining = show_diagnostics(server, shown, broken);
  const published_diagnostics published = co_await std::move(complaining);
  expect(!published.diagnostics.empty(), "the server found no mistake in " + file);

  const json_ls::text_document whole(mended(broken, published));
  auto changing =
      change(server, shown, document.uri, 2, std::string(whole.text()), "mended where it said so");
  co_await std::move(changing);
  auto confirming = show_diagnostics(server, shown, whole);
  const published_diagnostics remaining = co_await std::move(confirming);
  expect(remaining.diagnostics.empty(), "the mended document still has problems");

  auto outlining = ask_outline(server, shown, document.uri);
  co_await std::move(outlining);
  auto hovering = hover(server, shown, document.uri, whole.position_at(whole.text().find("south")));
  const std::string looked = co_await std::move(hovering);
  expect(looked.starts_with("`/hosts/1`: string"), "hover shows something else");
  auto formatting = ask_formatting(server, shown, document.uri, whole);
  const std::string formatted = co_await std::move(formatting);
  expect(formatted.size() > whole.text().size(), "formatting changed nothing");

  auto leaving = leave(server, shown);
  co_await std::move(leaving);
}

}  // namespace

asio::awaitable<void> show_json_server(transcript& shown, std::string program, std::string file) {
  shown.begin("A JSON file with mistakes in it, and the JSON language server", "json");
  auto executor = co_await asio::this_coro::executor;
  language_server server(executor);
  antiphon::command command(program);
  language_server::body talk = [&shown, &file](language_server& peer) { return converse(peer, shown, file); };
  auto running = server.run(std::move(command), std::move(talk));
  co_await std::move(running);
  shown.detail("The server ended with code 0.");
}

}  // namespace demo
