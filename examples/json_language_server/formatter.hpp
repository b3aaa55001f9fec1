#pragma once

#include "json_tree.hpp"
#include "protocol.hpp"
#include "text_document.hpp"

#include <optional>
#include <vector>

namespace json_ls {

/// The edits that lay a document out, one member or element a line (textDocument/formatting). Only blanks
/// between tokens change; strings and numbers keep their bytes, lines keep the kind of end they have. A
/// document that is in order already needs none. Past a thousand edits one edit takes the place of all.
/// Nothing for a document with errors, whose meaning isn't certain, or one that would grow past 64 MiB.
std::optional<std::vector<text_edit>> format_document(const text_document& document, const json_tree& tree,
                                                      const formatting_options& options);

}  // namespace json_ls
