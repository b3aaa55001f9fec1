#include "json_tree_builder.hpp"

#include <algorithm>
#include <utility>

namespace json_ls {

void json_tree_builder::add_scalar(node_kind kind, byte_range value) { append(kind, value); }

void json_tree_builder::open(node_kind kind, byte_range opener) {
  append(kind, opener);
  open_.push_back(nodes_.size() - 1);
}

void json_tree_builder::close(std::size_t end) {
  json_node& container = nodes_[open_.back()];
  container.value.end = end;
  container.subtree_end = nodes_.size();
  open_.pop_back();
}

bool json_tree_builder::inside_any(node_kind kind) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](std::size_t index) { return nodes_[index].kind == kind; });
}

void json_tree_builder::append(node_kind kind, byte_range value) {
  json_node node{.kind = kind, .key = std::exchange(next_key_, {}), .value = value};
  if (!open_.empty()) {
    node.parent = open_.back();
    node.place = nodes_[node.parent].child_count++;
  }
  node.subtree_end = nodes_.size() + 1;
  nodes_.push_back(node);
}

}  // namespace json_ls
