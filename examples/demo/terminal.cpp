#include "terminal.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace demo {
namespace {

bool colours_wanted() {
  static const bool wanted = isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  return wanted;
}

const char* code_of(colour with) {
  switch (with) {
    case colour::bold: return "1";
    case colour::dim: return "2";
    case colour::red: return "31";
    case colour::green: return "32";
    case colour::yellow: return "33";
    case colour::cyan: return "36";
  }
  return "0";
}

std::string blanks_for(std::string_view text, std::size_t width) {
  return std::string(width - std::min(width, columns(text)), ' ');
}

}  // namespace

std::string paint(colour with, std::string_view text) {
  if (!colours_wanted()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(with), text);
}

std::size_t columns(std::string_view text) {
  const auto starts_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string pad(std::string_view text, std::size_t width) {
  return std::string(text) + blanks_for(text, width);
}

std::string pad_left(std::string_view text, std::size_t width) {
  return blanks_for(text, width) + std::string(text);
}

}  // namespace demo
