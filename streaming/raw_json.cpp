#include "streaming/json_text.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <cstring>

namespace antiphon {

std::string decode_error::describe() const { return path.empty() ? message : path + ": " + message; }

decode_failure::decode_failure(decode_error reason)
    : boost::system::system_error(reason.code, reason.describe()), reason_(std::move(reason)) {}

void throw_exception_from_error(const decode_error& reason, const boost::source_location&) {
  throw decode_failure(reason);
}

json_kind raw_json::kind() const noexcept {
  std::string_view text = this->text();
  while (!text.empty() && detail::is_json_blank(text.front())) text.remove_prefix(1);
  switch (text.empty() ? 'n' : text.front()) {
    case '{': return json_kind::object;
    case '[': return json_kind::array;
    case '"': return json_kind::string;
    case 't':
    case 'f': return json_kind::boolean;
    case 'n': return json_kind::null;
    default: return json_kind::number;
  }
}

raw_json raw_json::keep() const {
  if (bytes_.pinned()) return *this;
  buffer copy = buffer::allocate(text().size());
  std::memcpy(copy.data(), text().data(), text().size());
  copy.commit(text().size());
  return raw_json(copy.share(copy.bytes()));
}

}  // namespace antiphon
