#pragma once

#include <antiphon/buffer.hpp>

#include <boost/json/fwd.hpp>
#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace antiphon {

enum class json_kind : std::uint8_t { null, boolean, number, string, array, object };

/// Where a value failed to become a `T`, and why.
struct decode_error;

/// One JSON value as text, left undecoded.
///
/// Copying is cheap. A raw_json that a call returned pins the memory it lies in; one that a handler gets as
/// (or inside) its parameters is valid until the handler ends: `keep()` makes one that is valid longer.
/// Immutable.
class raw_json {
 public:
  /// null
  raw_json() noexcept : bytes_(std::string_view("null")) {}
  /// `text` is one valid JSON value and stays where it is for as long as this is used.
  explicit raw_json(std::string_view text) noexcept : bytes_(text) {}
  explicit raw_json(slice text) noexcept : bytes_(std::move(text)) {}

  std::string_view text() const noexcept { return bytes_.bytes(); }
  const slice& bytes() const noexcept { return bytes_; }
  /// By its first byte.
  json_kind kind() const noexcept;

  /// The value as a `T`; see decode.hpp for what `T` may be.
  /// @throws decode_failure (a system_error that carries the path) when the text is not a `T`
  template <class T>
  T decode() const;
  /// As `decode`, with the error as a value.
  template <class T>
  boost::system::result<T, decode_error> try_decode() const;
  /// The value as a Boost.JSON DOM: integers exact, doubles correctly rounded, the last of duplicate members.
  /// Its users include <boost/json/value.hpp>.
  boost::json::value to_value() const;
  boost::json::value to_value(boost::json::storage_ptr storage) const;

  /// The same value in memory of its own; a copy of the text unless it is pinned already.
  raw_json keep() const;

 private:
  slice bytes_;
};

}  // namespace antiphon
