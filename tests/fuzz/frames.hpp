#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// A stream of messages as the mutator sees it: frames whose bodies can be changed, moved and wrapped, and
// which then still are frames. See mutate_frames.cpp.
namespace fuzz {

enum class frame_style { content_length, line, sequence };

/// Where in a target's input the stream begins, and how its messages are told apart. A `begin` of 0: nowhere.
struct frames_place {
  std::size_t begin = 0;
  frame_style style = frame_style::content_length;
};

/// Each target whose input holds a stream says so.
frames_place frames_of(std::string_view input);

/// Of the targets that are about one framing: limits, number of read sizes, read sizes. 0: too short.
inline std::size_t framing_input_head(std::string_view input) {
  if (input.size() < 2) return 0;
  return std::min<std::size_t>(input.size(), 2 + static_cast<unsigned char>(input[1]) % 8);
}

struct loose_frame {
  std::string head;  // its header, or what couldn't be understood
  std::string body;
};

/// All of the bytes, as frames. It takes what a framing would refuse.
std::vector<loose_frame> split_frames(std::string_view bytes, frame_style style);
/// As they are, lengths that lie included.
std::string join_frames(const std::vector<loose_frame>& frames, frame_style style);
/// Its head says what length its body has.
void mend_head(loose_frame& frame, frame_style style);

}  // namespace fuzz
