#pragma once

#include "json_tree.hpp"

#include <string_view>

namespace json_ls {

/// Warns of each member whose name an earlier member of the same object has, however either is escaped: which
/// of the two counts is up to each reader of the document.
void report_duplicate_names(std::string_view text, const json_tree& tree, problem_list& problems);

}  // namespace json_ls
