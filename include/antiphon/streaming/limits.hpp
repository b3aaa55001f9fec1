#pragma once

#include <cstddef>

namespace antiphon {

/// What a peer may ask of us, at most. Breaking each of them has an error of its own.
struct limits {
  /// Bytes of one header block, its empty line included. Beyond it: `errc::header_too_large`, the stream
  /// ends. At most 64 KiB.
  std::size_t header_bytes = 8 * 1024;
  /// Bytes of one message body, inclusive. Beyond it: `errc::message_too_large`, the stream ends. At most 1
  /// GiB.
  std::size_t message_bytes = 16 * 1024 * 1024;
  /// How deep arrays and objects may nest. Beyond it: `errc::nesting_too_deep`, -32700. At most
  /// 1024, far below what would endanger the stack of anything that walks a value.
  std::size_t depth = 256;
  /// Members of one batch array. Beyond it: one -32600 for the whole batch.
  std::size_t batch_members = 10'000;
  /// Bytes of a request id as it stands in the message. Beyond it: -32600 with a null id.
  std::size_t id_bytes = 1024 * 1024;
};

}  // namespace antiphon
