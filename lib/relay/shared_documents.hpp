#pragma once

#include <antiphon/streaming/raw_json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::relay::detail {

/// What the character of a position counts (LSP 3.17, PositionEncodingKind).
enum class column_unit : std::uint8_t { utf8, utf16, utf32 };

/// The documents that clients have open, and the text that each of them has.
///
/// No I/O: told what a client says of a document, it tells what the server must hear.
class shared_documents {
 public:
  using client = std::uint64_t;

  /// What follows from what a client has said.
  struct outcome {
    bool pass_on = false;  ///< the server hears it as it was said
    bool closes = false;   ///< the server hears that the document is closed
    std::string opens;     ///< and then the parameters of a didOpen, unless empty
    raw_json diagnostics;  ///< what the client is told of the document
    bool has_diagnostics = false;
  };
  /// Of what clients tell from here on.
  void count_columns_in(column_unit what) noexcept { unit_ = what; }
  /// `params` of didOpen, didChange and didClose as they came.
  outcome opened(client who, const raw_json& params);
  outcome changed(client who, const raw_json& params);
  outcome closed(client who, std::string_view uri);
  /// All documents that the client has open; each is then to be closed.
  std::vector<std::string> of(client who) const;

  /// Whether what `who` says of the document is for the server.
  bool owns(client who, std::string_view uri) const;
  /// Null when nobody has it open. The owner first.
  struct holder {
    client who = 0;
    std::string language;
    std::int64_t version = 0;
    std::string text;
  };
  const std::vector<holder>* holders(std::string_view uri) const;
  void keep_diagnostics(std::string_view uri, const raw_json& params);
  void clear() noexcept { documents_.clear(); }

 private:
  struct document {
    std::vector<holder> holders;
    std::optional<raw_json> diagnostics;
  };
  std::map<std::string, document, std::less<>> documents_;
  column_unit unit_ = column_unit::utf16;
};

}  // namespace antiphon::relay::detail
