#pragma once

#include "problem.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace json_ls {

/// Reads the string that starts at the quote at `begin` and reports what is wrong with it.
/// Returns where it ends: after its closing quote, or, when that is missing, at the end of the line.
std::size_t scan_string(std::string_view text, std::size_t begin, problem_list& problems);

/// What a string literal stands for, as UTF-8. Takes malformed ones too (a missing closing quote, a wrong
/// escape), for they are names in an outline all the same. An unpaired surrogate becomes U+FFFD.
std::string decode_string(std::string_view literal);

/// Text fit for one line of display: control characters become escapes such as \n and \u0007.
std::string escape_controls(std::string_view text);

}  // namespace json_ls
