#pragma once

#include <antiphon/streaming/framing.hpp>

namespace antiphon {

/// One message a line, as MCP's stdio transport and many brokers have it.
///
/// Only LF ends a line; a CR before it is dropped; blank lines are skipped; a line longer than
/// `limits::message_bytes` or one that is an HTTP request line ends the stream.
class line_framing final : public framing {
 public:
  explicit line_framing(const limits& bounds) noexcept;
  static std::unique_ptr<framing> make(const limits& bounds);

  step look(std::string_view window) override;
  step finish(std::string_view rest) override;
  std::size_t max_head() const noexcept override { return 0; }
  std::size_t write_head(char*, std::size_t) const noexcept override { return 0; }
  std::string_view tail() const noexcept override { return "\n"; }

 private:
  limits limits_;
  std::size_t seen_ = 0;
};

}  // namespace antiphon
