#include "hover.hpp"

#include "json_pointer.hpp"
#include "json_string.hpp"
#include "preview.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace json_ls {
namespace {

constexpr std::size_t preview_bytes = 200;

// Code in markdown is fenced with more backticks in a row than it has itself.
std::size_t longest_backtick_run(std::string_view text) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string code_span(std::string_view code) {
  const std::string fence(longest_backtick_run(code) + 1, '`');
  const bool needs_pad = code.starts_with('`') || code.ends_with('`');
  const std::string_view pad = needs_pad ? " " : "";
  return fmt::format("{0}{1}{2}{1}{0}", fence, pad, code);
}

std::string code_block(std::string_view code) {
  const std::string fence(std::max<std::size_t>(3, longest_backtick_run(code) + 1), '`');
  return fmt::format("{0}json\n{1}\n{0}", fence, code);
}

std::string describe(std::string_view text, const json_tree& tree, std::size_t index) {
  const json_node& node = tree.nodes[index];
  const std::string pointer = escape_controls(json_pointer(text, tree, index));
  const std::string title = index == 0 ? "whole document" : code_span(pointer);
  const std::string look = escape_controls(preview(text, node, preview_bytes));
  if (look.empty()) return fmt::format("{}: {}", title, describe_kind(node));
  return fmt::format("{}: {}\n\n{}", title, describe_kind(node), code_block(look));
}

}  // namespace

std::optional<hover> hover_at(const text_document& document, const json_tree& tree, position where) {
  const std::size_t offset = document.offset_at(where);
  const auto index = tree.node_at(offset);
  if (!index) return std::nullopt;
  const json_node& node = tree.nodes[*index];
  const bool on_name = offset >= node.key.begin && offset < node.key.end;
  return hover{.contents = {.kind = "markdown", .value = describe(document.text(), tree, *index)},
               .range = document.range_of(on_name ? node.key : node.value)};
}

}  // namespace json_ls
