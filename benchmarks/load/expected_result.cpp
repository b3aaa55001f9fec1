#include "benchmarks/load/expected_result.hpp"

#include <algorithm>

namespace load {
namespace {

std::string without_blanks(std::string_view json) {
  std::string packed;
  bool in_string = false;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (in_string || !blank) packed += c;
    if (c == '"') in_string = !in_string;
    if (c == '\\' && in_string && at + 1 < json.size()) packed += json[++at];
  }
  return packed;
}

}  // namespace

bool expected_result::accepts(std::string_view result) const {
  if (texts_.empty()) return true;
  if (std::ranges::find(texts_, result) != texts_.end()) return true;
  const std::string packed = without_blanks(result);
  return std::ranges::any_of(texts_, [&](const std::string& text) { return without_blanks(text) == packed; });
}

}  // namespace load
