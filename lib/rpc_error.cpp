#include <antiphon/rpc_error.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/json/value.hpp>

#include <vector>

namespace antiphon {

namespace {

// By way of our own encoder: Boost's writes what is no JSON for NaN and infinity.
raw_json text_of(const boost::json::value& value) {
  const auto& pool = shared_buffer_pool();
  output_chain out(*pool, 1024);
  encode(out, value);
  std::vector<slice> parts;
  out.take(parts);
  std::string text;
  for (const slice& part : parts) text += part.bytes();
  return raw_json(std::string_view(text)).keep();
}

}  // namespace

rpc_error::rpc_error(int code, std::string message, std::optional<raw_json> data)
    : boost::system::system_error(error_code(code, rpc_category()), message),
      message_(std::move(message)),
      data_(std::move(data)) {
  // An exception outlives what its data was read from.
  if (data_) data_ = data_->keep();
}

rpc_error::rpc_error(int code, std::string message, const boost::json::value& data)
    : rpc_error(code, std::move(message), text_of(data)) {}

std::string rpc_error::default_message(rpc_errc code) { return make_error_code(code).message(); }

void call_failure::raise() const {
  if (from_peer()) throw rpc_error(code.value(), message, data);
  throw boost::system::system_error(code, message);
}

void throw_exception_from_error(const call_failure& failure, const boost::source_location&) {
  failure.raise();
}

}  // namespace antiphon
