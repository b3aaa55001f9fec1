#pragma once

#include <cstddef>

/// Memory that runs out: operator new in all its forms and what Asio takes its frames from, which
/// failing_new.cpp replaces.
namespace test {

/// The `first`-th request for memory from now on fails, and the one that comes `gap` after it.
/// @param gap 0: no other
void fail_allocations(std::size_t first, std::size_t gap) noexcept;
/// None fails any more.
/// @return how many requests there have been since
std::size_t stop_failing() noexcept;
/// Until `go_on_failing`, requests neither fail nor count: for what a test sets up.
void pause_failing() noexcept;
void go_on_failing() noexcept;
/// Whether one has failed since `fail_allocations`.
bool has_failed() noexcept;

/// How many blocks are in use; 0 where a sanitizer looks after that.
std::size_t blocks_in_use() noexcept;

}  // namespace test
