#pragma once

#include "json_tree.hpp"
#include "protocol.hpp"
#include "text_document.hpp"

#include <optional>

namespace json_ls {

/// What stands at a position: its JSON Pointer, its type and a look at its value, as markdown
/// (textDocument/hover). Nothing outside the document's value.
std::optional<hover> hover_at(const text_document& document, const json_tree& tree, position where);

}  // namespace json_ls
