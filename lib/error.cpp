#include <antiphon/error.hpp>

namespace antiphon {

namespace {

const char* text_of(errc e) noexcept {
  switch (e) {
    case errc::malformed_header: return "malformed header";
    case errc::missing_content_length: return "the header block has no Content-Length";
    case errc::invalid_content_length: return "Content-Length is not a number of bytes";
    case errc::conflicting_content_length: return "two different Content-Lengths";
    case errc::unsupported_charset: return "unsupported charset, only utf-8 is understood";
    case errc::header_too_large: return "the header block exceeds the limit";
    case errc::message_too_large: return "the message exceeds the limit";
    case errc::http_request: return "this is no HTTP server";
    case errc::truncated_message: return "the input ended inside a message";
    case errc::invalid_json: return "invalid JSON";
    case errc::invalid_utf8: return "invalid UTF-8";
    case errc::nesting_too_deep: return "JSON is nested too deeply";
    case errc::number_out_of_range: return "a number is out of range";
    case errc::wrong_type: return "a value has the wrong type";
    case errc::missing_member: return "a member is missing";
    case errc::wrong_length: return "an array has the wrong length";
    case errc::not_encodable: return "the value can't be written as JSON";
    case errc::timed_out: return "the call timed out";
    case errc::cancelled: return "the call was cancelled";
    case errc::invalid_response: return "the peer's response is malformed";
    case errc::closed: return "the connection is closed";
    case errc::connection_lost: return "the connection was lost";
    case errc::end_of_input: return "the peer has ended the connection";
    case errc::address_in_use: return "somebody else listens at this address";
    case errc::not_a_socket: return "the path is in use by something that is no socket";
    case errc::path_too_long: return "the path is too long for a socket";
    case errc::invalid_address: return "not an address";
    case errc::spawn_failed: return "the program could not be started";
    case errc::buffers_exhausted: return "too much memory is in buffers already";
    case errc::message_timed_out: return "a message was begun and not finished in time";
    case errc::idle_timed_out: return "nothing was sent or received for too long";
  }
  return "unknown error";
}

const char* text_of(rpc_errc e) noexcept {
  switch (e) {
    case rpc_errc::parse_error: return "parse error";
    case rpc_errc::invalid_request: return "invalid request";
    case rpc_errc::method_not_found: return "method not found";
    case rpc_errc::invalid_params: return "invalid params";
    case rpc_errc::internal_error: return "internal error";
    case rpc_errc::overloaded: return "server overloaded";
    case rpc_errc::timed_out: return "timed out";
    case rpc_errc::server_not_initialized: return "server not initialized";
    case rpc_errc::request_failed: return "request failed";
    case rpc_errc::server_cancelled: return "cancelled by the server";
    case rpc_errc::content_modified: return "content modified";
    case rpc_errc::request_cancelled: return "request cancelled";
  }
  return "the peer's own error";
}

class local_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "antiphon"; }
  std::string message(int value) const override { return text_of(static_cast<errc>(value)); }
};

class remote_category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "json-rpc"; }
  std::string message(int value) const override { return text_of(static_cast<rpc_errc>(value)); }
};

}  // namespace

const boost::system::error_category& antiphon_category() noexcept {
  static const local_category category;
  return category;
}

const boost::system::error_category& rpc_category() noexcept {
  static const remote_category category;
  return category;
}

}  // namespace antiphon
