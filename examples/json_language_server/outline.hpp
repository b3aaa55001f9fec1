#pragma once

#include "json_tree.hpp"
#include "protocol.hpp"
#include "text_document.hpp"

#include <vector>

namespace json_ls {

/// Values nested deeper than this are left out of an outline: nobody unfolds that far, and many JSON readers
/// refuse an answer nested more than 100 levels deep, of which each of these takes two.
inline constexpr std::size_t max_outline_depth = 40;

/// The members and elements of a document, each with its own inside it (textDocument/documentSymbol).
/// Each range holds its selection range and the ranges of its children.
std::vector<document_symbol> outline(const text_document& document, const json_tree& tree);

}  // namespace json_ls
