#pragma once

#include <antiphon/error.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <boost/json/fwd.hpp>
#include <boost/system/result.hpp>
#include <boost/system/system_error.hpp>

#include <optional>
#include <string>

namespace antiphon {

/// A JSON-RPC error object as an exception (JSON-RPC 2.0, section 5.1).
///
/// A handler throws it to answer with that error; `call` throws it when the peer answered with one.
class rpc_error : public boost::system::system_error {
 public:
  explicit rpc_error(rpc_errc code) : rpc_error(static_cast<int>(code), default_message(code)) {}
  rpc_error(rpc_errc code, std::string message, std::optional<raw_json> data = std::nullopt)
      : rpc_error(static_cast<int>(code), std::move(message), std::move(data)) {}
  /// @throws boost::system::system_error with `errc::not_encodable` when `data` holds a NaN or an infinity
  rpc_error(rpc_errc code, std::string message, const boost::json::value& data)
      : rpc_error(static_cast<int>(code), std::move(message), data) {}
  /// For codes of your own.
  rpc_error(int code, std::string message, std::optional<raw_json> data = std::nullopt);
  /// @throws boost::system::system_error with `errc::not_encodable` when `data` holds a NaN or an infinity
  rpc_error(int code, std::string message, const boost::json::value& data);

  /// The number in `code`; `system_error::code()` has it too, in `rpc_category()`.
  int value() const noexcept { return code().value(); }
  const std::string& message() const noexcept { return message_; }
  const std::optional<raw_json>& data() const noexcept { return data_; }

  static std::string default_message(rpc_errc code);

 private:
  std::string message_;
  std::optional<raw_json> data_;
};

/// Why a call has no result.
///
/// `code` is in `rpc_category()` when the peer answered with an error, in `antiphon_category()` (closed,
/// timed out, cancelled, wrong_type, ...) when there was no answer or none that could be used.
struct call_failure {
  error_code code;
  std::string message;
  std::optional<raw_json> data;

  bool from_peer() const noexcept { return code.category() == rpc_category(); }
  /// As `call` throws it: `rpc_error` or `boost::system::system_error`.
  [[noreturn]] void raise() const;
};

[[noreturn]] void throw_exception_from_error(const call_failure& failure,
                                             const boost::source_location& where);

/// What `try_call` returns.
template <class T>
using call_result = boost::system::result<T, call_failure>;

}  // namespace antiphon
