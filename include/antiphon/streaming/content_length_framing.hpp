#pragma once

#include <antiphon/streaming/framing.hpp>

namespace antiphon {

/// The LSP base protocol: a header block with Content-Length, then that many bytes.
///
/// LSP 3.17, "Base Protocol". Names are case-insensitive, blanks around a value are allowed, unknown headers
/// are ignored, a bare LF ends a line too. Refused: a missing, malformed or conflicting length, a line
/// without a colon or with a blank before it, a charset other than utf-8, an HTTP request. Emits CRLF only.
class content_length_framing final : public framing {
 public:
  explicit content_length_framing(const limits& bounds) noexcept;
  static std::unique_ptr<framing> make(const limits& bounds);

  step look(std::string_view window) override;
  step finish(std::string_view rest) override;
  std::size_t max_head() const noexcept override;
  std::size_t write_head(char* end, std::size_t body_size) const noexcept override;
  std::string_view tail() const noexcept override { return {}; }

 private:
  step body(std::string_view window, std::size_t head);
  error_code header_line(std::string_view line);

  limits limits_;
  std::size_t seen_ = 0;        // bytes of the window that have been looked at
  std::size_t line_start_ = 0;  // where the current header line begins in the window
  std::size_t length_ = 0;
  bool has_length_ = false;
  bool in_body_ = false;
};

}  // namespace antiphon
