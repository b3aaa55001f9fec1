#pragma once

#include "benchmarks/corpus/prose.hpp"

#include <cstddef>
#include <string>
#include <string_view>

// Complete JSON-RPC messages of the shapes that language servers and editors send, compact as they send them,
// the same bytes on every machine.
namespace corpus {

struct message {
  std::string name;
  std::string text;
  // Where `params` or `result` begins; it is the message's last member.
  std::size_t payload_at = 0;

  std::string_view payload() const noexcept {
    return std::string_view(text).substr(payload_at, text.size() - payload_at - 1);
  }
};

// A request of exactly 170 bytes.
message hover();
// A reply of at least `size` bytes, at most one item more.
message completion(std::size_t size, script documentation);
// A notification with the whole text of a source file: many escapes.
message did_change(std::size_t size);
// A reply that is nearly all small integers.
message semantic_tokens(std::size_t size);
// A notification with one string of `size` bytes, without escapes.
message long_string(std::size_t size);
// A reply of exactly `size` bytes with a little of everything.
message document(std::size_t size);

}  // namespace corpus
