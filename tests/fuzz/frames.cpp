#include "tests/fuzz/frames.hpp"

#include <charconv>

namespace fuzz {

namespace {

constexpr std::string_view length_name = "content-length:";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Where its digits stand; none where it names no length.
std::string_view digits_of(std::string_view head) {
  const auto found = std::search(head.begin(), head.end(), length_name.begin(), length_name.end(),
                                 [](char a, char b) { return lower(a) == b; });
  if (found == head.end()) return {};
  auto at = static_cast<std::size_t>(found - head.begin()) + length_name.size();
  while (at < head.size() && head[at] == ' ') ++at;
  const auto end = std::min(head.find_first_not_of("0123456789", at), head.size());
  return head.substr(at, end - at);
}

loose_frame take_headed(std::string_view& bytes) {
  const auto with_cr = bytes.find("\r\n\r\n");
  const auto bare = bytes.find("\n\n");
  const auto end =
      std::min(with_cr == bytes.npos ? with_cr : with_cr + 4, bare == bytes.npos ? bare : bare + 2);
  loose_frame frame{std::string(bytes.substr(0, end)), {}};
  bytes.remove_prefix(frame.head.size());
  const std::string_view digits = digits_of(frame.head);
  std::size_t length = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || read.ec != std::errc()) return frame;
  frame.body = bytes.substr(0, length);
  bytes.remove_prefix(frame.body.size());
  return frame;
}

loose_frame take_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  loose_frame frame{{}, std::string(bytes.substr(0, end))};
  bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 1);
  return frame;
}

loose_frame take_text(std::string_view& bytes) {
  std::size_t depth = 0;
  bool in_string = false;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const char c = bytes[at++];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && (depth == 0 || --depth == 0)) {
      break;
    }
  }
  loose_frame frame{{}, std::string(bytes.substr(0, at))};
  bytes.remove_prefix(frame.body.size());
  return frame;
}

}  // namespace

std::vector<loose_frame> split_frames(std::string_view bytes, frame_style style) {
  std::vector<loose_frame> frames;
  while (!bytes.empty()) {
    switch (style) {
      case frame_style::content_length: frames.push_back(take_headed(bytes)); break;
      case frame_style::line: frames.push_back(take_line(bytes)); break;
      case frame_style::sequence: frames.push_back(take_text(bytes)); break;
    }
  }
  return frames;
}

std::string join_frames(const std::vector<loose_frame>& frames, frame_style style) {
  std::string bytes;
  for (const loose_frame& frame : frames) {
    bytes.append(frame.head).append(frame.body);
    if (style == frame_style::line) bytes += '\n';
  }
  return bytes;
}

void mend_head(loose_frame& frame, frame_style style) {
  if (style == frame_style::line) {
    std::replace(frame.body.begin(), frame.body.end(), '\n', ' ');
    return;
  }
  if (style != frame_style::content_length) return;
  const std::string length = std::to_string(frame.body.size());
  const std::string_view digits = digits_of(frame.head);
  if (digits.empty()) {
    frame.head = "Content-Length: " + length + "\r\n\r\n";
  } else {
    frame.head.replace(static_cast<std::size_t>(digits.data() - frame.head.data()), digits.size(), length);
  }
}

}  // namespace fuzz
