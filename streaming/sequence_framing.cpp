#include "streaming/bounds.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"

#include <antiphon/streaming/sequence_framing.hpp>

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
    if (first == '{' || first == '[') {
      within_ = inside::structure;
    } else if (first == '"') {
      within_ = inside::string;
    } else if (begins_scalar(first)) {
      within_ = inside::scalar;
    } else {
      const auto next = not_a_text(window);
      result.status = next.status;
      result.error = next.error;
      return result;
    }
  }
  const auto size = within_ == inside::scalar   ? scalar(window)
                    : within_ == inside::string ? string(window)
                                                : structure(window);
  if (size > limits_.message_bytes || (size == 0 && seen_ > limits_.message_bytes))
    return refused(errc::message_too_large);
  result.in_body = size == 0;
  if (size != 0) {
    result.status = status::frame;
    result.size = size;
    within_ = inside::nothing;
    seen_ = 0;
    in_string_ = escaped_ = 0;
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

// No message is one, so it need not be fast.
std::size_t sequence_framing::string(std::string_view window) noexcept {
  while (seen_ < window.size()) {
    const char c = window[seen_++];
    const bool first = seen_ == 1;
    if (escaped_ != 0) {
      escaped_ = 0;
    } else if (c == '\\') {
      escaped_ = 1;
    } else if (c == '"' && !first) {
      return seen_;
    }
  }
  return 0;
}

std::size_t sequence_framing::structure(std::string_view window) noexcept {
  detail::scan::skip_state state{{in_string_, escaped_}, depth_};
  const char* const end = window.data() + window.size();
  const char* const behind = detail::scan::active().skip(window.data() + seen_, end, state);
  in_string_ = state.strings.inside;
  escaped_ = state.strings.escaped;
  depth_ = state.depth;
  seen_ = static_cast<std::size_t>((behind == nullptr ? end : behind) - window.data());
  return behind == nullptr ? 0 : seen_;
}

}  // namespace antiphon
