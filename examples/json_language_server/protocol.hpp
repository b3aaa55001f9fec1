#pragma once

#include <boost/describe/class.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The part of the Language Server Protocol 3.17 that this server speaks. Members keep the protocol's own
/// spelling, since their names are the names on the wire.
namespace json_ls {

struct position {
  std::uint32_t line = 0;       ///< zero-based
  std::uint32_t character = 0;  ///< zero-based, in UTF-16 code units
  friend bool operator==(const position&, const position&) = default;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))

struct text_range {
  position start;
  position end;  ///< exclusive
  friend bool operator==(const text_range&, const text_range&) = default;
};
BOOST_DESCRIBE_STRUCT(text_range, (), (start, end))

struct text_edit {
  text_range range;
  std::string newText;
};
BOOST_DESCRIBE_STRUCT(text_edit, (), (range, newText))

enum diagnostic_severity { severity_error = 1, severity_warning = 2 };

struct diagnostic {
  text_range range;
  int severity = severity_error;
  std::string source;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(diagnostic, (), (range, severity, source, message))

struct publish_diagnostics_params {
  std::string uri;
  std::optional<std::int64_t> version = {};
  std::vector<diagnostic> diagnostics;
};
BOOST_DESCRIBE_STRUCT(publish_diagnostics_params, (), (uri, version, diagnostics))

enum symbol_kind {
  symbol_string = 15,
  symbol_number = 16,
  symbol_boolean = 17,
  symbol_array = 18,
  symbol_object = 19,
  symbol_null = 21
};

struct document_symbol {
  std::string name;
  std::string detail;
  int kind = symbol_null;
  text_range range;
  text_range selectionRange;
  std::vector<document_symbol> children;
};
BOOST_DESCRIBE_STRUCT(document_symbol, (), (name, detail, kind, range, selectionRange, children))

struct markup_content {
  std::string kind = "markdown";
  std::string value;
};
BOOST_DESCRIBE_STRUCT(markup_content, (), (kind, value))

struct hover {
  markup_content contents;
  text_range range;
};
BOOST_DESCRIBE_STRUCT(hover, (), (contents, range))

struct text_document_item {
  std::string uri;
  std::int64_t version = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(text_document_item, (), (uri, version, text))

struct text_document_identifier {
  std::string uri;
};
BOOST_DESCRIBE_STRUCT(text_document_identifier, (), (uri))

struct versioned_text_document_identifier {
  std::string uri;
  std::optional<std::int64_t> version = {};
};
BOOST_DESCRIBE_STRUCT(versioned_text_document_identifier, (), (uri, version))

struct did_open_params {
  text_document_item textDocument;
};
BOOST_DESCRIBE_STRUCT(did_open_params, (), (textDocument))

struct content_change {
  std::string text;  ///< the whole document: the server asks for full synchronisation
};
BOOST_DESCRIBE_STRUCT(content_change, (), (text))

struct did_change_params {
  versioned_text_document_identifier textDocument;
  std::vector<content_change> contentChanges;
};
BOOST_DESCRIBE_STRUCT(did_change_params, (), (textDocument, contentChanges))

struct did_close_params {
  text_document_identifier textDocument;
};
BOOST_DESCRIBE_STRUCT(did_close_params, (), (textDocument))

struct document_symbol_params {
  text_document_identifier textDocument;
};
BOOST_DESCRIBE_STRUCT(document_symbol_params, (), (textDocument))

struct hover_params {
  text_document_identifier textDocument;
  json_ls::position position;
};
BOOST_DESCRIBE_STRUCT(hover_params, (), (textDocument, position))

struct formatting_options {
  std::uint32_t tabSize = 2;
  bool insertSpaces = true;
  std::optional<bool> insertFinalNewline = {};
  std::optional<bool> trimFinalNewlines = {};
};
BOOST_DESCRIBE_STRUCT(formatting_options, (), (tabSize, insertSpaces, insertFinalNewline, trimFinalNewlines))

struct document_formatting_params {
  text_document_identifier textDocument;
  formatting_options options;
};
BOOST_DESCRIBE_STRUCT(document_formatting_params, (), (textDocument, options))

enum text_document_sync_kind { sync_full = 1 };

struct text_document_sync_options {
  bool openClose = true;
  int change = sync_full;
};
BOOST_DESCRIBE_STRUCT(text_document_sync_options, (), (openClose, change))

struct server_capabilities {
  std::string positionEncoding = "utf-16";
  text_document_sync_options textDocumentSync;
  bool documentSymbolProvider = true;
  bool documentFormattingProvider = true;
  bool hoverProvider = true;
};
BOOST_DESCRIBE_STRUCT(server_capabilities, (),
                      (positionEncoding, textDocumentSync, documentSymbolProvider, documentFormattingProvider,
                       hoverProvider))

struct server_info {
  std::string name;
  std::string version;
};
BOOST_DESCRIBE_STRUCT(server_info, (), (name, version))

struct initialize_result {
  server_capabilities capabilities;
  server_info serverInfo;
};
BOOST_DESCRIBE_STRUCT(initialize_result, (), (capabilities, serverInfo))

}  // namespace json_ls
