#pragma once

#include <string>
#include <string_view>

namespace demo {

enum class colour { bold, dim, red, green, yellow, cyan };

/// The text in a colour, where standard output is a terminal and NO_COLOR is not set; as it is elsewhere.
std::string paint(colour with, std::string_view text);

/// How many columns a UTF-8 text takes, at one a character.
std::size_t columns(std::string_view text);

/// The text and the blanks that fill it up to `width` columns.
std::string pad(std::string_view text, std::size_t width);
/// The same with the blanks in front.
std::string pad_left(std::string_view text, std::size_t width);

}  // namespace demo
