#pragma once

#include "benchmarks/load/shapes.hpp"

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

namespace load {

/// Frames on their way out, in pieces for a gathered write: short frames are laid one behind the other, of a
/// long one only the part with the id is copied.
class outbox {
 public:
  /// @param largest the most bytes of a frame that are copied
  explicit outbox(std::size_t largest);

  bool empty() const noexcept { return first_ == parts_.size(); }
  /// Whether a frame of this shape fits. It does when the outbox is empty.
  bool has_room(const shape& frame) const noexcept;
  /// Adds a frame with ids that count upward from `first_id`.
  void add(const shape& frame, std::uint64_t first_id);

  /// What to write next.
  std::span<const iovec> parts() const noexcept;
  /// So many bytes of them are written.
  void drop(std::size_t count) noexcept;

 private:
  void append(const char* bytes, std::size_t size);

  std::vector<char> copies_;
  std::size_t used_ = 0;
  std::vector<iovec> parts_;
  std::size_t first_ = 0;
};

}  // namespace load
