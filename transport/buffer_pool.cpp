#include "transport/fail.hpp"
#include "transport/pages.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace antiphon {
namespace {

// The largest: a message of a MiB and what stands around it.
constexpr std::array<std::size_t, 6> class_sizes = {1u << 10,  4u << 10,   16u << 10,
                                                    64u << 10, 256u << 10, 1280u << 10};
constexpr std::size_t no_class = class_sizes.size();
// From here on blocks are pages of their own.
constexpr std::size_t mapped_from = 64u << 10;

std::size_t class_for(std::size_t at_least) noexcept {
  return static_cast<std::size_t>(std::ranges::lower_bound(class_sizes, at_least) - class_sizes.begin());
}

struct block_size {
  std::size_t size_class;
  std::size_t capacity;
};

block_size size_for(std::size_t at_least) noexcept {
  const std::size_t size_class = class_for(at_least);
  if (size_class != no_class) return {size_class, class_sizes[size_class]};
  return {no_class, whole_pages(at_least)};
}

}  // namespace

/// A small block and its bytes are one allocation.
struct buffer_pool::block : memory_block {
  state* home = nullptr;
  block* next = nullptr;
  std::size_t size_class = no_class;

  static block* make(block_size size);
  static void destroy(block* old) noexcept {
    if (old->capacity >= mapped_from) unmap_pages(old->bytes, old->capacity);
    old->~block();
    ::operator delete(static_cast<void*>(old));
  }
};

/// Lives until the pool is gone and the last block has come back, whichever is later.
struct buffer_pool::state {
  explicit state(buffer_pool_options given) : options(given) {}

  block* take(std::size_t at_least);
  bool extend(block& taken, std::size_t capacity) noexcept;
  void give_back(block* b) noexcept;
  void orphan() noexcept;

  /// Counts `more` bytes as out, if there is room for them.
  bool count_out(std::size_t more) noexcept;
  void count_back(std::size_t size) noexcept;

  std::mutex mutex;
  std::array<block*, class_sizes.size()> free{};
  buffer_pool_options options;
  std::size_t blocks_out = 0;
  bool orphaned = false;
  counters counts;
  std::vector<memory_waiter*> waiting;
};

buffer_pool::block* buffer_pool::block::make(block_size size) {
  const bool mapped = size.capacity >= mapped_from;
  void* memory = ::operator new(sizeof(block) + (mapped ? 0 : size.capacity));
  auto* made = new (memory) block;
  made->size_class = size.size_class;
  made->capacity = size.capacity;
  made->recycle = [](memory_block* b) noexcept {
    auto* mine = static_cast<block*>(b);
    mine->home->give_back(mine);
  };
  if (!mapped) {
    made->bytes = static_cast<char*>(memory) + sizeof(block);
    return made;
  }
  made->bytes = map_pages(size.capacity);
  if (made->bytes == nullptr) {
    made->capacity = 0;
    destroy(made);
    throw std::bad_alloc();
  }
  made->extend = [](memory_block* b, std::size_t capacity) noexcept {
    auto* mine = static_cast<block*>(b);
    return mine->home->extend(*mine, capacity);
  };
  made->trim = [](memory_block* b, std::size_t used) noexcept {
    const std::size_t kept = whole_pages(used);
    if (kept < b->capacity) release_pages(b->bytes + kept, b->capacity - kept);
  };
  return made;
}

bool buffer_pool::state::count_out(std::size_t more) noexcept {
  if (more > options.max_bytes_out - std::min(counts.bytes_out, options.max_bytes_out)) {
    ++counts.refused;
    return false;
  }
  counts.bytes_out += more;
  counts.high_water = std::max(counts.high_water, counts.bytes_out);
  return true;
}

void buffer_pool::state::count_back(std::size_t size) noexcept {
  counts.bytes_out -= size;
  std::erase_if(waiting, [](memory_waiter* who) { return who->memory_returned(); });
}

buffer_pool::block* buffer_pool::state::take(std::size_t at_least) {
  if (at_least > std::numeric_limits<std::ptrdiff_t>::max() - page_size()) throw std::bad_alloc();
  const block_size size = size_for(at_least);
  std::unique_lock lock(mutex);
  if (!count_out(size.capacity)) {
    if (options.when_exhausted == exhausted::wait && size.capacity <= options.max_bytes_out) return nullptr;
    lock.unlock();
    fail(errc::buffers_exhausted, "buffer_pool");
  }
  ++blocks_out;
  block* taken = nullptr;
  if (size.size_class != no_class && free[size.size_class] != nullptr) {
    taken = free[size.size_class];
    free[size.size_class] = taken->next;
    taken->references.store(1, std::memory_order_relaxed);
    counts.bytes_kept -= taken->capacity;
    ++counts.hits;
    return taken;
  }
  ++counts.misses;
  lock.unlock();
  try {
    taken = block::make(size);
  } catch (...) {
    lock.lock();
    --blocks_out;
    count_back(size.capacity);
    throw;
  }
  taken->home = this;
  return taken;
}

bool buffer_pool::state::extend(block& taken, std::size_t capacity) noexcept {
  if (capacity > std::numeric_limits<std::ptrdiff_t>::max() - page_size()) return false;
  const block_size size = size_for(capacity);
  const std::size_t more = size.capacity - taken.capacity;
  {
    std::lock_guard lock(mutex);
    if (!count_out(more)) return false;
  }
  char* const pages = extend_pages(taken.bytes, taken.capacity, size.capacity);
  if (pages == nullptr) {
    std::lock_guard lock(mutex);
    count_back(more);
    return false;
  }
  taken.bytes = pages;
  taken.capacity = size.capacity;
  taken.size_class = size.size_class;
  return true;
}

void buffer_pool::state::give_back(block* b) noexcept {
  bool last = false;
  {
    std::lock_guard lock(mutex);
    --blocks_out;
    if (b->size_class != no_class && counts.bytes_kept + b->capacity <= options.max_bytes_kept) {
      b->next = free[b->size_class];
      free[b->size_class] = b;
      counts.bytes_kept += b->capacity;
      ++counts.returned;
      count_back(b->capacity);
      b = nullptr;
    } else {
      ++counts.discarded;
      count_back(b->capacity);
    }
    last = orphaned && blocks_out == 0;
  }
  if (b != nullptr) block::destroy(b);
  if (last) delete this;
}

void buffer_pool::state::orphan() noexcept {
  bool last = false;
  {
    std::lock_guard lock(mutex);
    options.max_bytes_kept = 0;
    orphaned = true;
    for (block*& list : free) {
      while (list != nullptr) block::destroy(std::exchange(list, list->next));
    }
    last = blocks_out == 0;
  }
  if (last) delete this;
}

buffer_pool::buffer_pool(buffer_pool_options options) : state_(new state(options)) {}

buffer_pool::~buffer_pool() { state_->orphan(); }

buffer buffer_pool::acquire(std::size_t at_least) { return buffer(state_->take(at_least)); }

void buffer_pool::wait_for_memory(memory_waiter& who) {
  std::lock_guard lock(state_->mutex);
  // Some may have come back since.
  if (state_->counts.bytes_out == 0 && who.memory_returned()) return;
  state_->waiting.push_back(&who);
}

void buffer_pool::stop_waiting(memory_waiter& who) noexcept {
  std::lock_guard lock(state_->mutex);
  std::erase(state_->waiting, &who);
}

buffer_pool::counters buffer_pool::stats() const {
  std::lock_guard lock(state_->mutex);
  return state_->counts;
}

const std::shared_ptr<buffer_pool>& shared_buffer_pool() {
  static const auto pool = std::make_shared<buffer_pool>();
  return pool;
}

}  // namespace antiphon
