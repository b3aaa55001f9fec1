#pragma once

#include <string_view>
#include <vector>

// Which instructions the passes over JSON text use. The best that the machine has are chosen at the first
// use; the environment variable ANTIPHON_SCANNER, read once, names another of them. All give the same
// results.
namespace antiphon {

/// Those that this machine can run, the fastest first: "avx512", "avx2", "sse2", "neon", "portable".
std::vector<std::string_view> scanner_implementations();

/// The one in use.
std::string_view scanner_implementation() noexcept;

/// Uses another one from now on, in the whole program. For tests and benchmarks. Thread-safe.
/// @return false when there is none of that name, or the machine can't run it
bool use_scanner_implementation(std::string_view name);

}  // namespace antiphon
