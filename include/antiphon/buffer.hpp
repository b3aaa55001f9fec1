#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace antiphon {

/// A reference-counted piece of memory, the thing that buffers lease and slices pin.
///
/// Only someone who brings memory of his own (a pool, a shared-memory transport) meets it: fill in the
/// members and hand the block to a `buffer`. Thread-safe reference count.
struct memory_block {
  std::atomic<std::uint32_t> references{1};
  char* bytes = nullptr;
  std::size_t capacity = 0;
  /// Called with the last reference gone, on whatever thread that happens.
  void (*recycle)(memory_block*) noexcept = nullptr;
  /// Makes room for `capacity` bytes, more than now, without copying what is there, though it may then stand
  /// elsewhere. Called while there is one reference. False, and nothing changed, when that can't be; null
  /// when it never can.
  bool (*extend)(memory_block*, std::size_t capacity) noexcept = nullptr;
  /// Gives the system back what memory it can behind the first `used` bytes, whose content is lost; the space
  /// stays as usable as it was. Null when it never can.
  void (*trim)(memory_block*, std::size_t used) noexcept = nullptr;

  void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references.fetch_sub(1, std::memory_order_acq_rel) == 1) recycle(this);
  }
};

/// Bytes that stay where they are for as long as the slice lives.
///
/// Copying shares the pin and is cheap. Immutable, so copies may be used on several threads at once.
class slice {
 public:
  slice() = default;
  /// Pins nothing: the caller keeps `bytes` alive.
  explicit slice(std::string_view bytes) noexcept : bytes_(bytes) {}
  /// `bytes` lies in `block`, which is retained.
  slice(std::string_view bytes, memory_block* block) noexcept : bytes_(bytes), block_(block) {
    if (block_ != nullptr) block_->retain();
  }
  slice(const slice& other) noexcept : slice(other.bytes_, other.block_) {}
  slice(slice&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), block_(std::exchange(other.block_, nullptr)) {}
  slice& operator=(slice other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(block_, other.block_);
    return *this;
  }
  ~slice() {
    if (block_ != nullptr) block_->release();
  }

  /// The bytes; valid while this slice or a copy of it lives (for an unpinned slice: while its owner does).
  std::string_view bytes() const noexcept { return bytes_; }
  const char* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  bool empty() const noexcept { return bytes_.empty(); }
  /// Whether the memory is kept alive by this slice.
  bool pinned() const noexcept { return block_ != nullptr; }

  /// How much memory is kept alive by it, at least `size()` when pinned; 0 for an unpinned slice.
  std::size_t pinned_bytes() const noexcept { return block_ == nullptr ? 0 : block_->capacity; }

  /// A part of this slice, under the same pin. `part` must lie inside `bytes()`.
  slice part(std::string_view part) const noexcept { return slice(part, block_); }

 private:
  std::string_view bytes_;
  memory_block* block_ = nullptr;
};

/// A move-only lease on writable memory: `size()` bytes are filled, the rest up to `capacity()` is space.
///
/// Bytes once committed are never moved or overwritten while a slice pins them. Not thread-safe; slices made
/// from it are.
class buffer {
 public:
  buffer() = default;
  /// Takes over the caller's reference to `block`.
  explicit buffer(memory_block* block) noexcept : block_(block) {}
  buffer(buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    buffer taken(std::move(other));
    std::swap(block_, taken.block_);
    std::swap(size_, taken.size_);
    return *this;
  }
  buffer(const buffer&) = delete;
  buffer& operator=(const buffer&) = delete;
  ~buffer() {
    if (block_ != nullptr) block_->release();
  }

  /// A buffer straight from the heap, for transports and tests without a pool. Throws std::bad_alloc.
  static buffer allocate(std::size_t capacity);

  /// Whether there is memory behind it; a default-constructed or moved-from buffer has none.
  explicit operator bool() const noexcept { return block_ != nullptr; }
  char* data() noexcept { return block_ == nullptr ? nullptr : block_->bytes; }
  const char* data() const noexcept { return block_ == nullptr ? nullptr : block_->bytes; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return block_ == nullptr ? 0 : block_->capacity; }
  std::string_view bytes() const noexcept { return {data(), size_}; }

  /// The unfilled tail; what is written there counts only after `commit`.
  std::span<char> space() noexcept { return {data() + size_, capacity() - size_}; }
  /// The first `count` bytes of `space()` have been filled.
  void commit(std::size_t count) noexcept { size_ += count; }
  /// Forgets what was filled beyond `size`. Nothing beyond it may be pinned.
  void truncate(std::size_t size) noexcept { size_ = size; }
  /// Forgets all content. Only when `exclusive()`.
  void clear() noexcept { size_ = 0; }
  /// True when no slice pins any of it.
  bool exclusive() const noexcept {
    return block_ != nullptr && block_->references.load(std::memory_order_acquire) == 1;
  }

  /// Makes room for `capacity` bytes or more in the same lease without copying what is in it, though that may
  /// then stand elsewhere. False, and nothing changed, when a slice pins any of it or its memory can't do
  /// that.
  bool extend(std::size_t capacity) noexcept {
    if (!exclusive()) return false;
    if (capacity <= block_->capacity) return true;
    return block_->extend != nullptr && block_->extend(block_, capacity);
  }

  /// Gives the system back what memory it can of the space, which stays as usable as it was, also for a read
  /// that waits to fill it. For someone who may wait long.
  void trim() noexcept {
    if (block_ != nullptr && block_->trim != nullptr) block_->trim(block_, size_);
  }

  /// Pins `part`, which must lie inside the buffer.
  slice share(std::string_view part) const noexcept { return slice(part, block_); }

 private:
  memory_block* block_ = nullptr;
  std::size_t size_ = 0;
};

/// Someone who waits until a bounded source may have memory again.
class memory_waiter {
 public:
  /// Called on any thread, while the source is locked: no more than post to an executor.
  /// @return false to be told again at the next opportunity
  virtual bool memory_returned() noexcept = 0;

 protected:
  ~memory_waiter() = default;
};

/// Where buffers come from. Every transport is one; a pool is another.
class buffer_source {
 public:
  virtual ~buffer_source() = default;
  /// An empty buffer with room for `at_least` bytes or more. A source with a bound may give one without
  /// memory, which means: not now, `wait_for_memory`.
  /// @throws std::bad_alloc, or what the source says
  virtual buffer acquire(std::size_t at_least) = 0;
  /// After `acquire` gave none: `who` is told once when it is worth another attempt.
  /// @throws std::bad_alloc, always where `acquire` never says so
  virtual void wait_for_memory(memory_waiter& who);
  /// Once it returns, `who` isn't told any more. Nothing when it doesn't wait.
  virtual void stop_waiting(memory_waiter& /*who*/) noexcept {}
};

}  // namespace antiphon
