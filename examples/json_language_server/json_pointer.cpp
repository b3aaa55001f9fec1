#include "json_pointer.hpp"

#include "json_string.hpp"

#include <vector>

namespace json_ls {
namespace {

std::string reference_token(std::string_view text, const json_node& node) {
  if (node.key.empty()) return std::to_string(node.place);
  std::string token;
  for (const char c : decode_string(node.key.of(text))) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

}  // namespace

std::string json_pointer(std::string_view text, const json_tree& tree, std::size_t node) {
  std::vector<std::size_t> path;
  for (; node != 0; node = tree.nodes[node].parent) path.push_back(node);
  std::string pointer;
  for (auto step = path.rbegin(); step != path.rend(); ++step) {
    pointer += '/';
    pointer += reference_token(text, tree.nodes[*step]);
  }
  return pointer;
}

}  // namespace json_ls
