#include "json_tree.hpp"

namespace json_ls {

std::optional<std::size_t> json_tree::node_at(std::size_t offset) const {
  const auto holds = [offset](byte_range range) { return range.begin <= offset && offset < range.end; };
  if (nodes.empty() || !holds(nodes[0].value)) return std::nullopt;
  std::size_t found = 0;
  std::size_t child = 1;
  while (child < nodes[found].subtree_end) {
    if (holds(nodes[child].whole())) {
      found = child;
      child = found + 1;
    } else {
      child = nodes[child].subtree_end;
    }
  }
  return found;
}

}  // namespace json_ls
