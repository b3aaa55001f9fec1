#include "streaming/bounds.hpp"
#include "streaming/json_text.hpp"

#include <antiphon/streaming/sequence_framing.hpp>

#include <algorithm>
#include <array>

namespace antiphon {
namespace {

using detail::is_digit;
bool begins_scalar(char c) noexcept { return is_digit(c) || c == '-' || c == 't' || c == 'f' || c == 'n'; }
// Wider than the grammar: where a malformed number or word ends is all that is asked here.
bool continues_scalar(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

constexpr std::array<std::string_view, 10> http_methods = {
    "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ", "PRI "};

}  // namespace

sequence_framing::sequence_framing(const limits& bounds) noexcept : limits_(detail::clamped(bounds)) {}

std::unique_ptr<framing> sequence_framing::make(const limits& bounds) {
  return std::make_unique<sequence_framing>(bounds);
}

framing::step sequence_framing::look(std::string_view window) {
  step result;
  if (within_ == inside::nothing) {
    result.skip = static_cast<std::size_t>(
        std::find_if_not(window.begin(), window.end(), detail::is_json_blank) - window.begin());
    window.remove_prefix(result.skip);
    if (window.empty()) return result;
    const char first = window.front();
    if (first == '{' || first == '[' || first == '"') {
      within_ = inside::structure;
    } else if (begins_scalar(first)) {
      within_ = inside::scalar;
    } else {
      const auto next = not_a_text(window);
      result.status = next.status;
      result.error = next.error;
      return result;
    }
  }
  const auto size = within_ == inside::scalar ? scalar(window) : structure(window);
  if (size > limits_.message_bytes || (size == 0 && seen_ > limits_.message_bytes))
    return refused(errc::message_too_large);
  if (size != 0) {
    result.status = status::frame;
    result.size = size;
    within_ = inside::nothing;
    seen_ = 0;
  }
  return result;
}

framing::step sequence_framing::finish(std::string_view rest) {
  if (within_ == inside::scalar && !rest.empty()) {
    within_ = inside::nothing;
    seen_ = 0;
    return {.status = status::frame, .size = rest.size()};
  }
  if (!rest.empty()) return refused(errc::truncated_message);
  return {};
}

// Not before a method's name is whole is it clear that this is one; a peer that isn't HTTP is told at once.
framing::step sequence_framing::not_a_text(std::string_view window) {
  for (const auto method : http_methods) {
    if (window.starts_with(method)) return refused(errc::http_request);
    if (method.starts_with(window)) return {};
  }
  return refused(errc::invalid_json);
}

std::size_t sequence_framing::scalar(std::string_view window) noexcept {
  const auto end =
      std::find_if_not(window.begin() + static_cast<std::ptrdiff_t>(seen_), window.end(), continues_scalar);
  seen_ = static_cast<std::size_t>(end - window.begin());
  return seen_ == window.size() ? 0 : seen_;
}

std::size_t sequence_framing::structure(std::string_view window) noexcept {
  while (seen_ < window.size()) {
    const char c = window[seen_++];
    if (escaped_) {
      escaped_ = false;
    } else if (in_string_) {
      escaped_ = c == '\\';
      in_string_ = c != '"';
      if (!in_string_ && depth_ == 0) return seen_;
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (--depth_ == 0) return seen_;
    }
  }
  return 0;
}

}  // namespace antiphon
