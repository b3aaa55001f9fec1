#pragma once

#include "tests/fuzz/frames.hpp"
#include "tests/fuzz/stream.hpp"

// However a stream is cut into reads, byte by byte or otherwise, its frames and the way it ends are the same;
// and what a framing reads it also writes. For the targets content_length, line and sequence.
//
// The input: '0', or '1' for narrow limits; '0' to '7' for the number of bytes that follow with the sizes of
// the reads; the stream.
namespace fuzz {

using antiphon::framing_factory;

// `reads` are the sizes of the pieces, one less than each is, over and over; none: all at once.
inline outcome decode(const framing_factory& make, const limits& bounds, std::string_view bytes,
                      std::string_view reads) {
  stream input(make(bounds), bounds);
  for (std::size_t i = 0; !reads.empty() && !bytes.empty(); ++i) {
    const auto size = std::size_t{1} + static_cast<unsigned char>(reads[i % reads.size()]);
    input.feed(bytes.substr(0, size));
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  input.feed(bytes);
  return input.finish();
}

inline std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? std::string_view()
                            : text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

inline void read_back_what_is_written(const framing_factory& make, const limits& bounds,
                                      std::vector<std::string> messages) {
  std::erase_if(messages, [](const std::string& text) { return antiphon::validate(text, 1024).failed(); });
  const auto rules = make(bounds);
  std::string bytes;
  for (const std::string& message : messages) {
    std::string head(rules->max_head(), '\0');
    const auto size = rules->write_head(head.data() + head.size(), message.size());
    must(size <= head.size(), "a head is longer than announced");
    bytes.append(head, head.size() - size).append(message).append(rules->tail());
  }
  const outcome again = decode(make, bounds, bytes, {});
  must(!again.error && again.frames.size() == messages.size(), "what was written can't be read");
  for (std::size_t i = 0; i < messages.size(); ++i)
    must(trimmed(again.frames[i]) == trimmed(messages[i]), "what was written is read as something else");
}

inline int check_framing(const framing_factory& make, std::string_view input) {
  const std::size_t begin = framing_input_head(input);
  if (begin == 0) return 0;
  limits bounds;
  if (static_cast<unsigned char>(input[0]) % 2 == 1) bounds = {.header_bytes = 48, .message_bytes = 24};
  const std::string_view reads = input.substr(2, begin - 2);
  const std::string_view bytes = input.substr(begin);
  constexpr std::string_view one_byte("\0", 1);

  const outcome whole = same_for_every_scanner([&] { return decode(make, bounds, bytes, {}); });
  for (const std::string_view sizes : {one_byte, reads}) {
    if (sizes.empty()) continue;
    const outcome cut = same_for_every_scanner([&] { return decode(make, bounds, bytes, sizes); });
    must(whole == cut, "another cut gives something else");
  }
  read_back_what_is_written(make, bounds, whole.frames);
  return 0;
}

}  // namespace fuzz
