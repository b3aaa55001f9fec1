#include <antiphon/buffer.hpp>

#include <cstddef>
#include <limits>
#include <new>

namespace antiphon {

buffer buffer::allocate(std::size_t capacity) {
  if (capacity > std::numeric_limits<std::ptrdiff_t>::max() - sizeof(memory_block)) throw std::bad_alloc();
  void* memory = ::operator new(sizeof(memory_block) + capacity);
  auto* block = new (memory) memory_block;
  block->bytes = static_cast<char*>(memory) + sizeof(memory_block);
  block->capacity = capacity;
  block->recycle = [](memory_block* old) noexcept {
    old->~memory_block();
    ::operator delete(static_cast<void*>(old));
  };
  return buffer(block);
}

void buffer_source::wait_for_memory(memory_waiter& /*who*/) { throw std::bad_alloc(); }

}  // namespace antiphon
