#pragma once

#include <antiphon/streaming/json_cursor.hpp>

#include <string_view>

namespace antiphon::detail {

/// The text of a member of the object `params`, of several of that name the last; empty when it has none or
/// is no object.
inline std::string_view params_member(std::string_view params, std::string_view wanted) {
  json_cursor in(params);
  string_token name;
  std::string_view found;
  bool more = false;
  if (!in.enter_object(more)) return {};
  for (; more; more = in.next_member()) {
    if (!in.read_name(name)) return {};
    const bool is_wanted = name.is(wanted);
    std::string_view value;
    if (!in.read_raw(value)) return {};
    if (is_wanted) found = value;
  }
  return found;
}

/// Whether this is the text of a number or a string, as ids and tokens are.
inline bool is_id_text(std::string_view text) noexcept {
  return !text.empty() &&
         (text.front() == '"' || text.front() == '-' || (text.front() >= '0' && text.front() <= '9'));
}

}  // namespace antiphon::detail
