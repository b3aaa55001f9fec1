#pragma once

#include <boost/describe/class.hpp>

#include <cstdint>
#include <string>
#include <vector>

// The payloads as structs, for both antiphon and Boost.JSON to read and write. All members are required:
// Boost.JSON 1.81 converts a described struct only from an object of exactly its members.
namespace corpus::lsp {

struct position {
  std::uint32_t line = 0;
  std::uint32_t character = 0;
};
BOOST_DESCRIBE_STRUCT(position, (), (line, character))

struct range {
  position start;
  position end;
};
BOOST_DESCRIBE_STRUCT(range, (), (start, end))

struct document_identifier {
  std::string uri;
};
BOOST_DESCRIBE_STRUCT(document_identifier, (), (uri))

struct hover_params {
  document_identifier textDocument;
  lsp::position position;
};
BOOST_DESCRIBE_STRUCT(hover_params, (), (textDocument, position))

struct versioned_document_identifier {
  std::string uri;
  int version = 0;
};
BOOST_DESCRIBE_STRUCT(versioned_document_identifier, (), (uri, version))

struct content_change {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(content_change, (), (text))

struct did_change_params {
  versioned_document_identifier textDocument;
  std::vector<content_change> contentChanges;
};
BOOST_DESCRIBE_STRUCT(did_change_params, (), (textDocument, contentChanges))

struct markup_content {
  std::string kind;
  std::string value;
};
BOOST_DESCRIBE_STRUCT(markup_content, (), (kind, value))

struct text_edit {
  std::string newText;
  lsp::range range;
};
BOOST_DESCRIBE_STRUCT(text_edit, (), (newText, range))

struct completion_data {
  std::string symbol;
  std::uint32_t file = 0;
};
BOOST_DESCRIBE_STRUCT(completion_data, (), (symbol, file))

struct completion_item {
  std::string label;
  int kind = 0;
  std::string detail;
  markup_content documentation;
  std::string sortText;
  std::string filterText;
  std::string insertText;
  int insertTextFormat = 0;
  text_edit textEdit;
  completion_data data;
};
BOOST_DESCRIBE_STRUCT(completion_item, (),
                      (label, kind, detail, documentation, sortText, filterText, insertText, insertTextFormat,
                       textEdit, data))

struct completion_list {
  bool isIncomplete = false;
  std::vector<completion_item> items;
};
BOOST_DESCRIBE_STRUCT(completion_list, (), (isIncomplete, items))

struct semantic_tokens {
  std::string resultId;
  std::vector<std::uint32_t> data;
};
BOOST_DESCRIBE_STRUCT(semantic_tokens, (), (resultId, data))

}  // namespace corpus::lsp
