#pragma once

#include "tests/fuzz/check.hpp"
#include "tests/fuzz/frames.hpp"

#include <antiphon/streaming/framing.hpp>
#include <antiphon/streaming/limits.hpp>

#include <map>

// What an endpoint owes a peer that has said this and that, and what it has said, for fuzz_endpoint.cpp.
namespace fuzz {

/// One frame with answers: a batch's, or a single one's; the ids in them as they stand, in order.
struct answer {
  bool batch = false;
  std::vector<std::string> ids;
  auto operator<=>(const answer&) const = default;
};
using answers = std::map<answer, std::size_t>;

struct owed {
  fuzz::answers answers;
  /// The stream is no stream of messages from some place on.
  bool broken = false;
};

struct said {
  fuzz::answers answers;
  /// It ends within a message.
  bool cut = false;
};

antiphon::framing_factory framing_of(frame_style style);

owed answers_owed(std::string_view bytes, frame_style style, const antiphon::limits& bounds);

/// Ends the program where something in it is no JSON-RPC message, or no answer can be of its kind.
said read_output(std::string_view bytes, frame_style style);

/// Of a connection that has broken: nothing was answered that wasn't asked, and nothing twice.
void must_be_part(const said& heard, const owed& asked);

}  // namespace fuzz
