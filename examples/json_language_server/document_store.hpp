#pragma once

#include "json_tree.hpp"
#include "text_document.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace json_ls {

/// A document as the editor has it now, read once for everything that is asked about it.
struct open_document {
  open_document(std::string content, std::optional<std::int64_t> editor_version)
      : text(std::move(content)), tree(parse_json(text.text())), version(editor_version) {}

  text_document text;
  json_tree tree;
  std::optional<std::int64_t> version;
};

/// The documents that one editor has open, by URI. References stay valid until their document changes or
/// closes.
class document_store {
 public:
  /// Opens a document, or puts a new text in the place of the one it had.
  const open_document& put(const std::string& uri, std::string text, std::optional<std::int64_t> version) {
    documents_.erase(uri);
    return documents_.try_emplace(uri, std::move(text), version).first->second;
  }
  void close(const std::string& uri) { documents_.erase(uri); }

  /// Null when it isn't open.
  const open_document* find(const std::string& uri) const {
    const auto found = documents_.find(uri);
    return found == documents_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::string, open_document> documents_;
};

}  // namespace json_ls
