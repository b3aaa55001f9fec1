#include "streaming/bounds.hpp"
#include "streaming/http_request_line.hpp"

#include <antiphon/streaming/line_framing.hpp>

namespace antiphon {
namespace {

bool is_blank(std::string_view line) noexcept {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

line_framing::line_framing(const limits& bounds) noexcept : limits_(detail::clamped(bounds)) {}

std::unique_ptr<framing> line_framing::make(const limits& bounds) {
  return std::make_unique<line_framing>(bounds);
}

framing::step line_framing::look(std::string_view window) {
  step result;
  for (;;) {
    const auto end = window.find('\n', seen_);
    const auto line = window.substr(0, end);
    const auto body = line.substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
    if (body.size() > limits_.message_bytes) return refused(errc::message_too_large);
    if (end == std::string_view::npos) {
      seen_ = window.size();
      result.in_body = true;
      return result;
    }
    seen_ = 0;
    if (!is_blank(body)) {
      if (detail::is_http_request_line(body)) return refused(errc::http_request);
      result.status = status::frame;
      result.size = body.size();
      result.trailer = end + 1 - body.size();
      return result;
    }
    result.skip += end + 1;
    window.remove_prefix(end + 1);
  }
}

framing::step line_framing::finish(std::string_view rest) {
  if (!is_blank(rest)) return refused(errc::truncated_message);
  return {.skip = rest.size()};
}

}  // namespace antiphon
