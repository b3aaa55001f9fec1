#pragma once

#include "language_server.hpp"
#include "text_document.hpp"
#include "transcript.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What a language client sends, and how the demo shows what comes back.
namespace demo {

struct client_info {
  std::string name = "antiphon-demo";
};
BOOST_DESCRIBE_STRUCT(client_info, (), (name))

struct empty_object {};
BOOST_DESCRIBE_STRUCT(empty_object, (), ())

struct initialize_params {
  int processId = 0;
  client_info clientInfo;
  empty_object capabilities;
};
BOOST_DESCRIBE_STRUCT(initialize_params, (), (processId, clientInfo, capabilities))

struct introduction {
  json_ls::server_info serverInfo;
  antiphon::raw_json capabilities;
};
BOOST_DESCRIBE_STRUCT(introduction, (), (serverInfo, capabilities))

struct opened_document {
  std::string uri;
  std::string languageId;
  int version = 1;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(opened_document, (), (uri, languageId, version, text))

struct open_params {
  opened_document textDocument;
};
BOOST_DESCRIBE_STRUCT(open_params, (), (textDocument))

struct versioned_document {
  std::string uri;
  int version = 1;
};
BOOST_DESCRIBE_STRUCT(versioned_document, (), (uri, version))

struct whole_text {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(whole_text, (), (text))

struct change_params {
  versioned_document textDocument;
  std::vector<whole_text> contentChanges;
};
BOOST_DESCRIBE_STRUCT(change_params, (), (textDocument, contentChanges))

struct hover_answer {
  json_ls::markup_content contents;
};
BOOST_DESCRIBE_STRUCT(hover_answer, (), (contents))

/// Throws std::runtime_error(what) unless `holds`.
void expect(bool holds, std::string_view what);

std::string read_file(const std::string& path);
std::string file_uri(const std::string& path);

/// initialize and initialized.
asio::awaitable<void> greet(language_server& server, transcript& shown);
/// shutdown and exit.
asio::awaitable<void> leave(language_server& server, transcript& shown);

asio::awaitable<void> open(language_server& server, transcript& shown, const opened_document& document);
/// The document is `text` now.
asio::awaitable<void> change(language_server& server, transcript& shown, std::string uri, int version,
                             std::string text, std::string_view what);

/// Asks what stands at a place of a document and shows it.
/// @return the answer's text, without the fences of markdown's code blocks
asio::awaitable<std::string> hover(language_server& server, transcript& shown, std::string uri,
                                   json_ls::position where);

/// Waits for what the server has to say about a document and shows each finding under the line it is about.
asio::awaitable<published_diagnostics> show_diagnostics(language_server& server, transcript& shown,
                                                        const json_ls::text_document& document);

}  // namespace demo
