#include "tests/fuzz/framing.hpp"

#include <antiphon/streaming/sequence_framing.hpp>

fuzz::frames_place fuzz::frames_of(std::string_view input) {
  return {framing_input_head(input), frame_style::sequence};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::check_framing(antiphon::sequence_framing::make, fuzz::as_text(data, size));
}
