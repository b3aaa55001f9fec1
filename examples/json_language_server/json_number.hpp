#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace json_ls {

/// What keeps `text` from being a number in RFC 8259's grammar, for a person to read; nothing when it is one.
std::optional<std::string> number_mistake(std::string_view text);

}  // namespace json_ls
