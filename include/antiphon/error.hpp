#pragma once

#include <boost/system/error_code.hpp>

#include <string>
#include <type_traits>

namespace antiphon {

using boost::system::error_code;

/// What can go wrong on this side of the connection. Each value says one thing; `message()` is one sentence.
enum class errc {
  // the stream: the frame boundary is lost, or a limit is broken; the connection ends
  malformed_header = 1,
  missing_content_length,
  invalid_content_length,
  conflicting_content_length,
  unsupported_charset,
  header_too_large,
  message_too_large,
  http_request,
  truncated_message,
  // one message: it is refused, the connection goes on
  invalid_json,
  invalid_utf8,
  nesting_too_deep,
  number_out_of_range,
  // a value: text that is well formed but not of the type asked for
  wrong_type,
  missing_member,
  wrong_length,
  not_encodable,
  // a call
  timed_out,
  cancelled,
  invalid_response,
  // the connection
  closed,
  connection_lost,
  end_of_input,
  // transports
  address_in_use,
  not_a_socket,
  path_too_long,
  invalid_address,
  spawn_failed,
  buffers_exhausted,
  // the time limits of a connection
  message_timed_out,
  idle_timed_out,
};

/// Error codes that travel in JSON-RPC error objects: JSON-RPC 2.0 section 5.1 and LSP 3.17 `ErrorCodes`.
enum class rpc_errc {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  overloaded = -32000,
  timed_out = -32001,
  server_not_initialized = -32002,
  request_failed = -32803,
  server_cancelled = -32802,
  content_modified = -32801,
  request_cancelled = -32800,
};

/// The category of `errc`.
const boost::system::error_category& antiphon_category() noexcept;
/// The category of JSON-RPC error codes, known ones and an application's own.
const boost::system::error_category& rpc_category() noexcept;

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), antiphon_category()}; }
inline error_code make_error_code(rpc_errc e) noexcept { return {static_cast<int>(e), rpc_category()}; }

}  // namespace antiphon

template <>
struct boost::system::is_error_code_enum<antiphon::errc> : std::true_type {};
template <>
struct boost::system::is_error_code_enum<antiphon::rpc_errc> : std::true_type {};
