#include "tests/fuzz/framing.hpp"

#include <antiphon/streaming/content_length_framing.hpp>

fuzz::frames_place fuzz::frames_of(std::string_view input) {
  return {framing_input_head(input), frame_style::content_length};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::check_framing(antiphon::content_length_framing::make, fuzz::as_text(data, size));
}
