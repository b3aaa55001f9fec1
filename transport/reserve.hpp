#pragma once

#include <antiphon/error.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstddef>
#include <new>
#include <utility>

namespace antiphon {

namespace asio = boost::asio;

/// Memory for one operation of Asio, put by, so that a wait doesn't fail where there is no other. While there
/// is, the operation lies in what Asio uses again and again: it takes no block away from the operations
/// beside it.
///
/// Bound to the operation as its allocator. Lives as long as that.
class reserve {
 public:
  template <class T>
  struct allocator_of {
    using value_type = T;
    explicit allocator_of(reserve& owner) noexcept : home(&owner) {}
    template <class Other>
    allocator_of(const allocator_of<Other>& other) noexcept : home(other.home) {}
    T* allocate(std::size_t count) { return static_cast<T*>(home->take(count * sizeof(T))); }
    void deallocate(T* memory, std::size_t count) noexcept { home->give_back(memory, count * sizeof(T)); }
    template <class Other>
    bool operator==(const allocator_of<Other>& other) const noexcept {
      return home == other.home;
    }
    reserve* home;
  };

  reserve() noexcept = default;
  /// Nothing waits with `other` yet.
  reserve(reserve&&) noexcept {}

  allocator_of<std::byte> allocator() noexcept { return allocator_of<std::byte>(*this); }

 private:
  // A wait for a timer takes 120 bytes, one for a descriptor 200.
  static constexpr std::size_t room = 256;

  void* take(std::size_t size) {
    try {
      return asio::recycling_allocator<std::byte>().allocate(size);
    } catch (const std::bad_alloc&) {
      if (size > room || taken_.exchange(true, std::memory_order_acquire)) throw;
      return memory_;
    }
  }
  void give_back(void* memory, std::size_t size) noexcept {
    if (memory != memory_)
      return asio::recycling_allocator<std::byte>().deallocate(static_cast<std::byte*>(memory), size);
    taken_.store(false, std::memory_order_release);
  }

  // It is given back by whatever thread runs the io_context.
  std::atomic<bool> taken_ = false;
  alignas(std::max_align_t) std::byte memory_[room];
};

/// What to await until the timer expires or is cancelled, in memory of that reserve. On the timer's executor.
/// @param then is called first of all then
template <class Then>
auto wait_with(reserve& memory, asio::steady_timer& timer, Then then) {
  return asio::async_initiate<const asio::deferred_t, void()>(
      [&memory, &timer, then](auto handler) {
        const auto slot = asio::get_associated_cancellation_slot(handler);
        auto woken = [handler = std::move(handler), then](error_code) mutable {
          then();
          std::move(handler)();
        };
        timer.async_wait(
            asio::bind_cancellation_slot(slot, asio::bind_allocator(memory.allocator(), std::move(woken))));
      },
      asio::deferred);
}

}  // namespace antiphon
