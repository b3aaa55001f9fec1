#include "tests/fuzz/framing.hpp"

#include <antiphon/streaming/line_framing.hpp>

fuzz::frames_place fuzz::frames_of(std::string_view input) {
  return {framing_input_head(input), frame_style::line};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::check_framing(antiphon::line_framing::make, fuzz::as_text(data, size));
}
