#pragma once

#include "json_tree.hpp"
#include "protocol.hpp"
#include "text_document.hpp"

#include <vector>

namespace json_ls {

/// The problems of a document as an editor shows them (textDocument/publishDiagnostics).
std::vector<diagnostic> diagnostics(const text_document& document, const json_tree& tree);

}  // namespace json_ls
