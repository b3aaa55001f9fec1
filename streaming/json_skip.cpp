#include "streaming/json_skip.hpp"

namespace antiphon::detail {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// `at` is behind the opening quote.
std::size_t skip_string(std::string_view text, std::size_t at) noexcept {
  for (; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return npos;
}

std::size_t skip_brackets(std::string_view text, std::size_t at) noexcept {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at++];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == npos) return npos;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at;
    }
  }
  return npos;
}

std::size_t skip_word(std::string_view text, std::size_t at) noexcept {
  const auto begin = at;
  while (at < text.size() && !is_json_blank(text[at]) && std::string_view(",:]}[{\"").find(text[at]) == npos)
    ++at;
  return at == begin ? npos : at;
}

}  // namespace

std::size_t skip_blanks(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_json_blank(text[at])) ++at;
  return at;
}

std::size_t skip_value(std::string_view text, std::size_t at) noexcept {
  if (at >= text.size()) return npos;
  switch (text[at]) {
    case '"': return skip_string(text, at + 1);
    case '{':
    case '[': return skip_brackets(text, at);
    default: return skip_word(text, at);
  }
}

std::string_view trim_blanks(std::string_view text) noexcept {
  text.remove_prefix(skip_blanks(text, 0));
  while (!text.empty() && is_json_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace antiphon::detail
