#pragma once

#include "byte_range.hpp"
#include "problem.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace json_ls {

enum class node_kind { object, array, string, number, boolean, null, missing };

/// One value of a document. A member whose value isn't there (yet) is a `missing` node.
struct json_node {
  node_kind kind = node_kind::missing;
  byte_range key;    ///< the member's name with its quotes; empty for elements and the root
  byte_range value;  ///< the value itself
  std::size_t parent = 0;
  std::size_t place = 0;  ///< which child of its parent it is, from 0
  std::size_t child_count = 0;
  std::size_t subtree_end = 0;  ///< one past its last descendant

  /// The member, name and value, or the element.
  byte_range whole() const { return {key.empty() ? value.begin : key.begin, value.end}; }
};

/// A document's values in the order of the text, each container before what it holds, so that the children of
/// node n are n + 1, then that child's `subtree_end`, and so on up to n's own. No depth of nesting can
/// overflow the stack: nothing here recurses.
struct json_tree {
  std::vector<json_node> nodes;  ///< the root first; empty when the text holds no value at all
  std::vector<problem> problems;
  bool has_errors = false;

  /// The innermost value whose name or text holds the byte at `offset`; nothing outside the root.
  std::optional<std::size_t> node_at(std::size_t offset) const;
};

/// Containers may be nested this deep; what lies deeper is reported once and skipped.
inline constexpr std::size_t max_nesting = 256;

/// Reads a document, however broken: after a mistake it goes on where JSON most likely resumes.
/// The tree refers to the text by offsets only. Linear in the size of the text.
json_tree parse_json(std::string_view text);

}  // namespace json_ls
