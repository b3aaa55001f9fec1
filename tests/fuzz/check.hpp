#pragma once

#include <antiphon/streaming/scanner.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What libFuzzer and replay.cpp call: one input, one run. It returns 0, or ends the program.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// Ends the program, which is how a fuzz target says that it has found something.
[[noreturn]] inline void found(std::string_view what) {
  std::fprintf(stderr, "found: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

inline void must(bool holds, std::string_view what) {
  if (!holds) found(what);
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What `look` gives under every implementation of the scanner, which must be the same.
template <class Look>
auto same_for_every_scanner(Look look) {
  static const std::vector<std::string_view> names = antiphon::scanner_implementations();
  antiphon::use_scanner_implementation(names.front());
  auto first = look();
  for (std::size_t i = 1; i < names.size(); ++i) {
    antiphon::use_scanner_implementation(names[i]);
    if (look() == first) continue;
    found(std::string(names.front()) + " and " + std::string(names[i]) + " differ");
  }
  antiphon::use_scanner_implementation(names.front());
  return first;
}

}  // namespace fuzz
