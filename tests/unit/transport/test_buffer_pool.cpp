#include <antiphon/transport/buffer_pool.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <vector>

using antiphon::buffer;
using antiphon::buffer_pool;
using antiphon::slice;

namespace {

constexpr std::size_t kib = 1024;

/// Fills it and pins all of it.
slice filled(buffer& from, char with) {
  std::memset(from.data(), with, from.capacity());
  from.commit(from.capacity());
  return from.share(from.bytes());
}

}  // namespace

TEST_CASE("a buffer has room for what was asked, in steps of four") {
  buffer_pool pool;
  const std::pair<std::size_t, std::size_t> expected[] = {{0, kib},
                                                          {1, kib},
                                                          {kib, kib},
                                                          {kib + 1, 4 * kib},
                                                          {16 * kib, 16 * kib},
                                                          {17 * kib, 64 * kib},
                                                          {200 * kib, 256 * kib},
                                                          {1024 * kib, 1024 * kib}};
  for (const auto& [asked, given] : expected) {
    const buffer got = pool.acquire(asked);
    CHECK(got.capacity() == given);
    CHECK(got.size() == 0);
    CHECK(got.exclusive());
  }
}

TEST_CASE("a buffer that came back is handed out again") {
  buffer_pool pool;
  const char* first = nullptr;
  {
    buffer b = pool.acquire(3000);
    first = b.data();
    b.commit(10);
  }
  const buffer again = pool.acquire(4096);
  CHECK(again.data() == first);
  CHECK(again.size() == 0);
  const auto counts = pool.stats();
  CHECK(counts.misses == 1);
  CHECK(counts.hits == 1);
  CHECK(counts.returned == 1);
  CHECK(counts.discarded == 0);
}

TEST_CASE("a slice keeps its buffer's bytes, and the buffer out of the pool") {
  buffer_pool pool;
  slice kept;
  {
    buffer b = pool.acquire(kib);
    kept = filled(b, 'k');
    CHECK_FALSE(b.exclusive());
  }
  CHECK(pool.stats().bytes_out == kib);
  buffer other = pool.acquire(kib);
  filled(other, 'o');
  CHECK(kept.bytes() == std::string(kib, 'k'));
  kept = slice();
  CHECK(pool.stats().bytes_out == kib);
  CHECK(pool.stats().returned == 1);
}

TEST_CASE("the pool keeps no more than its bound") {
  buffer_pool pool(10 * kib);
  {
    std::vector<buffer> many;
    for (int i = 0; i < 5; ++i) many.push_back(pool.acquire(4 * kib));
    CHECK(pool.stats().bytes_out == 20 * kib);
  }
  const auto counts = pool.stats();
  CHECK(counts.bytes_out == 0);
  CHECK(counts.high_water == 20 * kib);
  CHECK(counts.bytes_kept == 8 * kib);
  CHECK(counts.returned == 2);
  CHECK(counts.discarded == 3);
}

TEST_CASE("a large buffer comes from the heap, exactly as large as asked, and goes back to it") {
  buffer_pool pool;
  {
    CHECK(pool.acquire(3000 * kib).capacity() == 3000 * kib);
  }
  const auto counts = pool.stats();
  CHECK(counts.misses == 1);
  CHECK(counts.discarded == 1);
  CHECK(counts.bytes_kept == 0);
  CHECK(counts.high_water == 3000 * kib);
}

TEST_CASE("slices may outlive the pool") {
  slice kept;
  {
    std::optional<buffer_pool> pool(std::in_place);
    {
      const buffer goes_back_first = pool->acquire(1);
    }
    buffer b = pool->acquire(64 * kib);
    kept = filled(b, 'x');
    pool.reset();
  }
  CHECK(kept.bytes() == std::string(64 * kib, 'x'));
}

TEST_CASE("slices may be dropped on any thread, while the pool is used and after it is gone") {
  std::vector<std::thread> threads;
  {
    buffer_pool pool(64 * kib);
    for (int t = 0; t < 4; ++t) {
      std::vector<slice> shared;
      for (int i = 0; i < 200; ++i) {
        buffer b = pool.acquire(kib);
        shared.push_back(filled(b, static_cast<char>('a' + t)));
      }
      threads.emplace_back([mine = std::move(shared)]() mutable {
        while (!mine.empty()) mine.pop_back();
      });
    }
    for (int i = 0; i < 1000; ++i) pool.acquire(kib);
  }
  for (auto& thread : threads) thread.join();
}

TEST_CASE("a buffer without a pool is as large as asked") {
  buffer b = buffer::allocate(100);
  CHECK(b.capacity() == 100);
  const slice all = filled(b, 'h');
  b = buffer();
  CHECK(all.bytes() == std::string(100, 'h'));
}

TEST_CASE("the program's shared pool is one") {
  CHECK(antiphon::shared_buffer_pool() == antiphon::shared_buffer_pool());
  CHECK(antiphon::shared_buffer_pool()->acquire(1).capacity() == kib);
}

TEST_CASE("a size that no memory can have is refused, whatever it adds up to") {
  buffer_pool pool;
  for (const std::size_t size :
       {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() - 8,
        std::numeric_limits<std::size_t>::max() / 2 + 1}) {
    CHECK_THROWS_AS(static_cast<void>(pool.acquire(size)), std::bad_alloc);
    CHECK_THROWS_AS(static_cast<void>(buffer::allocate(size)), std::bad_alloc);
  }
}

TEST_CASE("a buffer that was moved from has no memory") {
  buffer a = buffer::allocate(10);
  a.commit(3);
  buffer b = buffer::allocate(20);
  a = std::move(b);
  CHECK(a.capacity() == 20);
  CHECK(a.size() == 0);
  CHECK_FALSE(static_cast<bool>(b));
  CHECK(b.size() == 0);
}
