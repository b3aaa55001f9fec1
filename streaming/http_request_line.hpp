#pragma once

#include <string_view>

namespace antiphon::detail {

// Whether `text` may be a method or a header's name (RFC 9110, section 5.6.2).
bool is_http_token(std::string_view text) noexcept;

// Whether `line` (without its LF) is `METHOD target HTTP/x.y`: a web page can make a browser send one to a
// local port, and the body behind it must never be taken for a message (RFC 9112, section 3).
bool is_http_request_line(std::string_view line) noexcept;

}  // namespace antiphon::detail
