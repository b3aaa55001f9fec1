#include "outline.hpp"

#include "json_string.hpp"
#include "preview.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace json_ls {
namespace {

constexpr std::size_t detail_bytes = 60;

int kind_of(node_kind kind) {
  switch (kind) {
    case node_kind::object: return symbol_object;
    case node_kind::array: return symbol_array;
    case node_kind::string: return symbol_string;
    case node_kind::number: return symbol_number;
    case node_kind::boolean: return symbol_boolean;
    case node_kind::null:
    case node_kind::missing: break;
  }
  return symbol_null;
}

// The protocol wants a name that is not blank; such a one is shown as written, in its quotes.
std::string name_of(std::string_view text, const json_node& node) {
  if (node.key.empty()) return std::to_string(node.place);
  std::string name = escape_controls(decode_string(node.key.of(text)));
  const bool blank = name.find_first_not_of(' ') == std::string::npos;
  return blank ? std::string(node.key.of(text)) : name;
}

class outliner {
 public:
  outliner(const text_document& document, const json_tree& tree) : document_(document), tree_(tree) {}

  std::vector<document_symbol> children_of(std::size_t node, std::size_t depth) const {
    std::vector<document_symbol> symbols;
    if (depth == max_outline_depth) return symbols;
    symbols.reserve(tree_.nodes[node].child_count);
    for (std::size_t child = node + 1; child < tree_.nodes[node].subtree_end;
         child = tree_.nodes[child].subtree_end) {
      symbols.push_back(symbol_of(child, depth));
    }
    return symbols;
  }

 private:
  document_symbol symbol_of(std::size_t index, std::size_t depth) const {
    const json_node& node = tree_.nodes[index];
    const bool container = node.kind == node_kind::object || node.kind == node_kind::array;
    document_symbol symbol;
    symbol.name = name_of(document_.text(), node);
    symbol.detail = container ? describe_kind(node) : preview(document_.text(), node, detail_bytes);
    symbol.kind = kind_of(node.kind);
    symbol.range = document_.range_of(node.whole());
    symbol.selectionRange = document_.range_of(node.key.empty() ? node.value : node.key);
    symbol.children = children_of(index, depth + 1);
    return symbol;
  }

  const text_document& document_;
  const json_tree& tree_;
};

}  // namespace

std::vector<document_symbol> outline(const text_document& document, const json_tree& tree) {
  if (tree.nodes.empty()) return {};
  return outliner(document, tree).children_of(0, 0);
}

}  // namespace json_ls
