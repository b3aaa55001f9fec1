#include "lsp_client.hpp"

#include "terminal.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace demo {
namespace {

// What the capabilities of a server mean to its user.
std::vector<std::string_view> offers(const antiphon::raw_json& capabilities) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"hoverProvider", "hover"},
      {"documentFormattingProvider", "formatting"},
      {"documentSymbolProvider", "outline"},
      {"completionProvider", "completion"},
      {"definitionProvider", "definitions"},
  };
  const boost::json::value all = capabilities.to_value();
  std::vector<std::string_view> found;
  for (const auto& [name, meaning] : known) {
    const boost::json::value* value = all.as_object().if_contains(name);
    const bool off = value == nullptr || value->is_null() || (value->is_bool() && !value->get_bool());
    if (!off) found.push_back(meaning);
  }
  return found;
}

// "19.1.4" of "Debian clangd version 19.1.4 (1~deb12u1) linux x86_64-pc-linux-gnu".
std::string_view short_version(std::string_view version) {
  static constexpr std::string_view mark = "version ";
  const std::size_t at = version.find(mark);
  if (at != std::string_view::npos) version.remove_prefix(at + mark.size());
  return version.substr(0, version.find(' '));
}

std::string_view line_of(const json_ls::text_document& document, std::uint32_t line) {
  const std::size_t begin = document.offset_at({line, 0});
  const std::size_t end = document.offset_at({line, UINT32_MAX});
  return document.text().substr(begin, end - begin);
}

// The line in question, without its indentation, and its place marked below it.
std::string excerpt(const json_ls::text_document& document, const json_ls::text_range& range) {
  const std::size_t line_begin = document.offset_at({range.start.line, 0});
  const std::string_view line = line_of(document, range.start.line);
  const std::size_t indentation = std::min(line.find_first_not_of(" \t"), line.size());
  const std::size_t begin = document.offset_at(range.start) - line_begin;
  const std::size_t end = std::clamp(document.offset_at(range.end) - line_begin, begin, line.size());
  const std::string before = pad("", columns(line.substr(0, begin)) - std::min(indentation, begin));
  const std::string marks(std::max<std::size_t>(columns(line.substr(begin, end - begin)), 1), '^');
  return fmt::format("                {}\n                {}{}", line.substr(indentation), before,
                     paint(colour::red, marks));
}

std::string_view severity_of(const published_diagnostic& found) {
  static constexpr std::string_view names[] = {"error", "warning", "note", "hint"};
  const int level = found.severity.value_or(1);
  return level >= 1 && level <= 4 ? names[level - 1] : names[0];
}

// A terminal shows no markdown: the lines without the fences of code blocks and the blank ones.
std::string without_fences(std::string_view markdown) {
  std::string plain;
  while (!markdown.empty()) {
    const std::size_t end = std::min(markdown.find('\n'), markdown.size());
    const std::string_view line = markdown.substr(0, end);
    if (!line.empty() && !line.starts_with("```")) plain += fmt::format("{}\n", line);
    markdown.remove_prefix(std::min(end + 1, markdown.size()));
  }
  return plain;
}

}  // namespace

void expect(bool holds, std::string_view what) {
  if (!holds) throw std::runtime_error(std::string(what));
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) throw std::runtime_error("can't read " + path);
  return text;
}

std::string file_uri(const std::string& path) {
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

asio::awaitable<void> greet(language_server& server, transcript& shown) {
  initialize_params params;
  params.processId = getpid();
  auto asking = server.ask<introduction>("initialize", params);
  introduction hello = co_await std::move(asking);
  shown.request("initialize", server.took(),
                fmt::format("{} {}: {}", hello.serverInfo.name, short_version(hello.serverInfo.version),
                            fmt::join(offers(hello.capabilities), ", ")));
  const empty_object nothing;
  auto telling = server.tell("initialized", nothing);
  co_await std::move(telling);
  shown.sent("initialized", "");
}

asio::awaitable<void> leave(language_server& server, transcript& shown) {
  auto asking = server.ask<antiphon::raw_json>("shutdown");
  const antiphon::raw_json answer = co_await std::move(asking);
  expect(answer.text() == "null", "shutdown was answered with " + std::string(answer.text()));
  shown.request("shutdown", server.took(), "null");
  auto telling = server.tell("exit");
  co_await std::move(telling);
  shown.sent("exit", "");
}

asio::awaitable<void> open(language_server& server, transcript& shown, const opened_document& document) {
  open_params params;
  params.textDocument = document;
  auto telling = server.tell("textDocument/didOpen", params);
  co_await std::move(telling);
  const std::string name = document.uri.substr(document.uri.rfind('/') + 1);
  shown.sent("textDocument/didOpen", fmt::format("{}, {} bytes", name, document.text.size()));
}

asio::awaitable<void> change(language_server& server, transcript& shown, std::string uri, int version,
                             std::string text, std::string_view what) {
  change_params params;
  params.textDocument.uri = std::move(uri);
  params.textDocument.version = version;
  params.contentChanges.emplace_back().text = std::move(text);
  auto telling = server.tell("textDocument/didChange", params);
  co_await std::move(telling);
  shown.sent("textDocument/didChange", what);
}

asio::awaitable<std::string> hover(language_server& server, transcript& shown, std::string uri,
                                   json_ls::position where) {
  json_ls::hover_params params;
  params.textDocument.uri = std::move(uri);
  params.position = where;
  auto asking = server.ask<hover_answer>("textDocument/hover", params);
  const hover_answer answer = co_await std::move(asking);
  std::string text = without_fences(answer.contents.value);
  shown.request("textDocument/hover", server.took(),
                fmt::format("at {}:{}", where.line + 1, where.character + 1));
  shown.detail(text);
  co_return text;
}

asio::awaitable<published_diagnostics> show_diagnostics(language_server& server, transcript& shown,
                                                        const json_ls::text_document& document) {
  auto waiting = server.next_diagnostics();
  published_diagnostics published = co_await std::move(waiting);
  const std::size_t count = published.diagnostics.size();
  shown.received("textDocument/publishDiagnostics", server.took(),
                 count == 0 ? paint(colour::green, "no problems")
                            : paint(colour::red, fmt::format("{} problem{}", count, count == 1 ? "" : "s")));
  for (const published_diagnostic& found : published.diagnostics) {
    const json_ls::position at = found.range.start;
    const std::string_view reason = std::string_view(found.message).substr(0, found.message.find('\n'));
    shown.detail(fmt::format("{} {} {}", pad(fmt::format("{}:{}", at.line + 1, at.character + 1), 7),
                             paint(colour::yellow, pad(severity_of(found), 7)), reason));
    shown.detail(excerpt(document, found.range));
  }
  co_return published;
}

}  // namespace demo
