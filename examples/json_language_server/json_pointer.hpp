#pragma once

#include "json_tree.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace json_ls {

/// The JSON Pointer (RFC 6901) of a node: "" for the root, `~` and `/` in names written ~0 and ~1.
std::string json_pointer(std::string_view text, const json_tree& tree, std::size_t node);

}  // namespace json_ls
