#pragma once

#include "benchmarks/load/options.hpp"

#include <optional>

namespace load {

/// Reads the command line of `antiphon load`; the first argument is the verb. Throws `usage_error`.
/// @return nothing when it asked for help, which is then on stdout
std::optional<options> parse_options(int argc, const char* const* argv);

}  // namespace load
