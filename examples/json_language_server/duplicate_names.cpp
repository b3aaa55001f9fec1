#include "duplicate_names.hpp"

#include "json_string.hpp"

#include <fmt/format.h>

#include <string>
#include <unordered_set>

namespace json_ls {
namespace {

void check_object(std::string_view text, const json_tree& tree, std::size_t object, problem_list& problems) {
  std::unordered_set<std::string> names;
  std::size_t child = object + 1;
  while (child < tree.nodes[object].subtree_end) {
    const json_node& member = tree.nodes[child];
    child = member.subtree_end;
    if (member.key.empty()) continue;
    if (!names.insert(decode_string(member.key.of(text))).second) {
      problems.warning(member.key, fmt::format("duplicate member name {}", member.key.of(text)));
    }
  }
}

}  // namespace

void report_duplicate_names(std::string_view text, const json_tree& tree, problem_list& problems) {
  for (std::size_t node = 0; node < tree.nodes.size(); ++node) {
    if (tree.nodes[node].kind == node_kind::object) check_object(text, tree, node, problems);
  }
}

}  // namespace json_ls
