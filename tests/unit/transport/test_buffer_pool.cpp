#include <antiphon/error.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/system/system_error.hpp>
#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
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

TEST_CASE("a buffer has room for what was asked, in a few sizes") {
  buffer_pool pool;
  const std::pair<std::size_t, std::size_t> expected[] = {{0, kib},
                                                          {1, kib},
                                                          {kib, kib},
                                                          {kib + 1, 4 * kib},
                                                          {16 * kib, 16 * kib},
                                                          {17 * kib, 64 * kib},
                                                          {200 * kib, 256 * kib},
                                                          {1024 * kib, 1280 * kib},
                                                          {1280 * kib, 1280 * kib}};
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
  buffer_pool pool({.max_bytes_kept = 10 * kib});
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

TEST_CASE("a large buffer is as large as asked, in whole pages, and isn't kept") {
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

TEST_CASE("a buffer of 64 KiB or more is extended, and all that was in it is there") {
  buffer_pool pool;
  buffer b = pool.acquire(64 * kib);
  std::string all;
  for (const std::size_t size : {200 * kib, 1100 * kib, 5000 * kib, 9000 * kib}) {
    const std::string more(b.space().size(), static_cast<char>('a' + all.size() % 26));
    std::memcpy(b.space().data(), more.data(), more.size());
    b.commit(more.size());
    all += more;
    REQUIRE(b.extend(size));
    CHECK(b.capacity() >= size);
    CHECK(b.bytes() == all);
    CHECK(pool.stats().bytes_out == b.capacity());
  }
  CHECK(b.extend(10));
  const slice pin = b.share(b.bytes().substr(0, 1));
  CHECK_FALSE(b.extend(b.capacity() + 1));
  CHECK(b.bytes() == all);
}

TEST_CASE("a buffer that was extended comes back as one of its new size") {
  buffer_pool pool;
  const char* first = nullptr;
  {
    buffer b = pool.acquire(64 * kib);
    REQUIRE(b.extend(70 * kib));
    first = b.data();
  }
  CHECK(pool.stats().bytes_kept == 256 * kib);
  CHECK(pool.acquire(256 * kib).data() == first);
}

TEST_CASE("a small buffer can't be extended, nor one without a pool") {
  buffer_pool pool;
  buffer small = pool.acquire(4 * kib);
  CHECK_FALSE(small.extend(5 * kib));
  buffer alone = buffer::allocate(100);
  CHECK_FALSE(alone.extend(101));
  CHECK(alone.extend(100));
}

TEST_CASE("memory is taken where something was written, whatever the size of the buffer") {
  const auto resident = [] {
    std::ifstream of("/proc/self/statm");
    std::size_t all = 0;
    std::size_t now = 0;
    of >> all >> now;
    return now * 4 * kib;
  };
  buffer_pool pool;
  const std::size_t before = resident();
  std::vector<buffer> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(pool.acquire(1280 * kib));
    many.back().data()[0] = 'x';
  }
  CHECK(resident() < before + 100 * 64 * kib);
}

namespace {

struct teller final : antiphon::memory_waiter {
  bool memory_returned() noexcept override {
    ++told;
    return true;
  }
  int told = 0;
};

}  // namespace

TEST_CASE("a pool that is exhausted refuses, when it is to fail") {
  buffer_pool pool({.max_bytes_out = 10 * kib});
  const buffer first = pool.acquire(4 * kib);
  std::optional<buffer> second = pool.acquire(4 * kib);
  try {
    static_cast<void>(pool.acquire(4 * kib));
    FAIL("it gave more than its bound");
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == antiphon::errc::buffers_exhausted);
  }
  CHECK(pool.acquire(1).capacity() == kib);
  CHECK(pool.stats().refused == 1);
  CHECK(pool.stats().high_water == 9 * kib);
  second.reset();
  CHECK(pool.acquire(4 * kib).capacity() == 4 * kib);
}

TEST_CASE("a pool that is exhausted gives none for now, when one is to wait, and tells when some is back") {
  buffer_pool pool({.max_bytes_out = 10 * kib, .when_exhausted = antiphon::exhausted::wait});
  const buffer first = pool.acquire(4 * kib);
  std::optional<buffer> second = pool.acquire(4 * kib);
  CHECK_FALSE(pool.acquire(4 * kib));
  teller who;
  teller other;
  pool.wait_for_memory(who);
  pool.wait_for_memory(other);
  pool.stop_waiting(other);
  CHECK(who.told == 0);
  second.reset();
  CHECK(who.told == 1);
  CHECK(other.told == 0);
  second = pool.acquire(4 * kib);
  CHECK(*second);
  second.reset();
  CHECK(who.told == 1);
  // More than it ever has is no matter of waiting.
  CHECK_THROWS_AS(static_cast<void>(pool.acquire(16 * kib)), boost::system::system_error);
}

TEST_CASE("a bounded pool extends no further than its bound") {
  buffer_pool pool({.max_bytes_out = 300 * kib});
  buffer b = pool.acquire(64 * kib);
  CHECK(b.extend(256 * kib));
  CHECK_FALSE(b.extend(300 * kib));
  CHECK(b.capacity() == 256 * kib);
  CHECK(pool.stats().bytes_out == 256 * kib);
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
    buffer_pool pool({.max_bytes_kept = 64 * kib});
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
