#include "preview.hpp"

#include "json_lexer.hpp"
#include "utf8.hpp"

#include <fmt/format.h>

namespace json_ls {
namespace {

std::string counted(std::string_view what, std::size_t count, std::string_view item) {
  if (count == 0) return fmt::format("empty {}", what);
  return fmt::format("{} with {} {}{}", what, count, item, count == 1 ? "" : "s");
}

}  // namespace

std::string preview(std::string_view text, const json_node& node, std::size_t limit) {
  problem_list unused;
  const std::string_view value = node.value.of(text);
  json_lexer lexer(value, unused);
  std::string line;
  for (token next = lexer.next(); next.kind != token_kind::end; next = lexer.next()) {
    line += next.range.of(value).substr(0, limit + 1);
    if (line.size() > limit) return std::string(utf8_prefix(line, limit)) + "…";
    if (next.kind == token_kind::colon || next.kind == token_kind::comma) line += ' ';
  }
  return line;
}

std::string describe_kind(const json_node& node) {
  switch (node.kind) {
    case node_kind::object: return counted("object", node.child_count, "member");
    case node_kind::array: return counted("array", node.child_count, "element");
    case node_kind::string: return "string";
    case node_kind::number: return "number";
    case node_kind::boolean: return "boolean";
    case node_kind::null: return "null";
    case node_kind::missing: break;
  }
  return "no value";
}

}  // namespace json_ls
