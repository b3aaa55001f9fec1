#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace antiphon {

/// A request's id, exactly as it stood in the message: an integer, a string or null (JSON-RPC 2.0, section
/// 4).
///
/// A number keeps its text, a string its quotes and escapes, so that it goes back as it came. Strings are
/// equal when their content is ("a" equals "\u0061"), numbers when their text is; 1 differs from "1". Small
/// ids live inline (std::string).
class request_id {
 public:
  enum class kind : std::uint8_t { null, number, string };

  /// null
  request_id() = default;
  request_id(std::int64_t number);
  /// The id as it stands in JSON text; `json` is a valid JSON number, string or `null`.
  static request_id from_json(std::string_view json);

  request_id::kind kind() const noexcept;
  /// As JSON text: `7`, `"abc"`, `null`.
  std::string_view json() const noexcept { return json_; }

  friend bool operator==(const request_id& a, const request_id& b) noexcept;

 private:
  friend struct std::hash<request_id>;
  std::string json_ = "null";
};

}  // namespace antiphon

template <>
struct std::hash<antiphon::request_id> {
  std::size_t operator()(const antiphon::request_id& id) const noexcept;
};
