#pragma once

#include "json_tree.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace json_ls {

/// Collects nodes while a document is read, and knows which containers are open.
class json_tree_builder {
 public:
  /// The name of the member whose value comes next.
  void name_next(byte_range key) { next_key_ = key; }

  void add_scalar(node_kind kind, byte_range value);
  void open(node_kind kind, byte_range opener);
  void close(std::size_t end);  ///< the innermost container ends before byte `end`

  bool empty() const { return nodes_.empty(); }
  std::size_t depth() const { return open_.size(); }

  /// Whether the innermost open container is of this kind.
  bool inside(node_kind kind) const { return !open_.empty() && nodes_[open_.back()].kind == kind; }
  bool inside_any(node_kind kind) const;

  const json_node& innermost() const { return nodes_[open_.back()]; }

  std::vector<json_node> take() { return std::move(nodes_); }

 private:
  void append(node_kind kind, byte_range value);

  std::vector<json_node> nodes_;
  std::vector<std::size_t> open_;
  byte_range next_key_;
};

}  // namespace json_ls
