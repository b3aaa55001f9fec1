#pragma once

#include <antiphon/middleware.hpp>

#include <functional>
#include <string>

namespace antiphon {

enum class trace_format : std::uint8_t {
  /// `[LSP   - 14:03:07] {"isLSPMessage":true,"type":"receive-request","message":{...},"timestamp":...}`: a
  /// line
  /// for each message, as vscode-languageclient writes them with "format": "json"; for the LSP inspector
  inspector,
  /// `[Trace - 14:03:07] Received request 'add - (1)'.`, the parameters or the result in the next line, and
  /// two
  /// empty lines, as vscode-languageclient writes them with "format": "text", "verbosity": "verbose"
  text,
};

/// Writes down every message that goes in or out.
///
///     std::ofstream file("session.log");
///     options.middleware.push_back(antiphon::tracing::make([&](std::string_view entry) { file << entry; }));
///
/// The function gets whole entries, with their line ends, one call at a time also where several endpoints
/// share the object. It should be the first middleware, so that it sees what others refuse. Large messages
/// are written whole.
class tracing final : public middleware {
 public:
  using function = std::function<void(std::string_view entry)>;
  /// From whose side the directions are told. The inspector expects the client's: a server says `peer`.
  enum class side : std::uint8_t { own, peer };

  explicit tracing(function write, trace_format format = trace_format::inspector, side seen_from = side::own);
  static std::shared_ptr<tracing> make(function write, trace_format format = trace_format::inspector,
                                       side seen_from = side::own) {
    return std::make_shared<tracing>(std::move(write), format, seen_from);
  }
  ~tracing() override;

  unsigned hooks() const noexcept override { return on_received | on_sent; }
  std::shared_ptr<middleware> for_connection() override;
  void received(const message_event& message) override;
  void sent(const message_event& message) override;

 private:
  struct shared;
  struct calls;

  explicit tracing(std::shared_ptr<shared> with);
  void write_line(const message_event& message);
  void write_text(const message_event& message);

  std::shared_ptr<shared> shared_;
  std::unique_ptr<calls> calls_;
};

}  // namespace antiphon
