#pragma once

#include "json_tree.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace json_ls {

/// A value on one line of at most `limit` bytes: blanks between tokens are left out, the rest is as written,
/// and what doesn't fit ends in an ellipsis. Cuts no character in two.
std::string preview(std::string_view text, const json_node& node, std::size_t limit);

/// What a value is, in words: "number", "object with 3 members".
std::string describe_kind(const json_node& node);

}  // namespace json_ls
