#include <antiphon/transport/buffer_pool.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>

namespace antiphon {
namespace {

constexpr std::array<std::size_t, 6> class_sizes = {1u << 10,  4u << 10,   16u << 10,
                                                    64u << 10, 256u << 10, 1u << 20};
constexpr std::size_t no_class = class_sizes.size();

std::size_t class_for(std::size_t at_least) noexcept {
  return static_cast<std::size_t>(std::ranges::lower_bound(class_sizes, at_least) - class_sizes.begin());
}

}  // namespace

/// A block and its bytes are one allocation.
struct buffer_pool::block : memory_block {
  state* home = nullptr;
  block* next = nullptr;
  std::size_t size_class = no_class;

  static block* make(std::size_t size_class, std::size_t capacity);
  static void destroy(block* old) noexcept {
    old->~block();
    ::operator delete(static_cast<void*>(old));
  }
};

/// Lives until the pool is gone and the last block has come back, whichever is later.
struct buffer_pool::state {
  explicit state(std::size_t max_bytes_kept) : max_kept(max_bytes_kept) {}

  block* take(std::size_t at_least);
  void give_back(block* b) noexcept;
  void orphan() noexcept;

  std::mutex mutex;
  std::array<block*, class_sizes.size()> free{};
  std::size_t max_kept;
  std::size_t blocks_out = 0;
  bool orphaned = false;
  counters counts;
};

buffer_pool::block* buffer_pool::block::make(std::size_t size_class, std::size_t capacity) {
  if (capacity > std::numeric_limits<std::ptrdiff_t>::max() - sizeof(block)) throw std::bad_alloc();
  void* memory = ::operator new(sizeof(block) + capacity);
  auto* made = new (memory) block;
  made->size_class = size_class;
  made->bytes = static_cast<char*>(memory) + sizeof(block);
  made->capacity = capacity;
  made->recycle = [](memory_block* b) noexcept {
    auto* mine = static_cast<block*>(b);
    mine->home->give_back(mine);
  };
  return made;
}

buffer_pool::block* buffer_pool::state::take(std::size_t at_least) {
  const std::size_t size_class = class_for(at_least);
  std::unique_lock lock(mutex);
  block* taken = nullptr;
  if (size_class != no_class && free[size_class] != nullptr) {
    taken = free[size_class];
    free[size_class] = taken->next;
    taken->references.store(1, std::memory_order_relaxed);
    counts.bytes_kept -= taken->capacity;
    ++counts.hits;
  } else {
    lock.unlock();
    taken = block::make(size_class, size_class == no_class ? at_least : class_sizes[size_class]);
    lock.lock();
    ++counts.misses;
  }
  taken->home = this;
  ++blocks_out;
  counts.bytes_out += taken->capacity;
  counts.high_water = std::max(counts.high_water, counts.bytes_out);
  return taken;
}

void buffer_pool::state::give_back(block* b) noexcept {
  bool last = false;
  {
    std::lock_guard lock(mutex);
    --blocks_out;
    counts.bytes_out -= b->capacity;
    if (b->size_class != no_class && counts.bytes_kept + b->capacity <= max_kept) {
      b->next = free[b->size_class];
      free[b->size_class] = b;
      counts.bytes_kept += b->capacity;
      ++counts.returned;
      b = nullptr;
    } else {
      ++counts.discarded;
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
    max_kept = 0;
    orphaned = true;
    for (block*& list : free) {
      while (list != nullptr) block::destroy(std::exchange(list, list->next));
    }
    last = blocks_out == 0;
  }
  if (last) delete this;
}

buffer_pool::buffer_pool(std::size_t max_bytes_kept) : state_(new state(max_bytes_kept)) {}

buffer_pool::~buffer_pool() { state_->orphan(); }

buffer buffer_pool::acquire(std::size_t at_least) { return buffer(state_->take(at_least)); }

buffer_pool::counters buffer_pool::stats() const {
  std::lock_guard lock(state_->mutex);
  return state_->counts;
}

const std::shared_ptr<buffer_pool>& shared_buffer_pool() {
  static const auto pool = std::make_shared<buffer_pool>();
  return pool;
}

}  // namespace antiphon
