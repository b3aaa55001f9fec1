#include "tests/unit/allocation_failures/books.hpp"

#include "tests/unit/allocation_failures/failing_new.hpp"

#include <antiphon/testing/virtual_time.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <vector>

namespace test {
namespace {

using namespace std::chrono_literals;

/// Runs it to its end, like a program that goes on when a handler throws.
bool run_to_end(antiphon::testing::virtual_time& time, asio::io_context& context, books& in) {
  for (int times = 0; times < 50; ++times) {
    try {
      return time.run(context, 10min);
    } catch (const std::bad_alloc&) {
      ++in.escaped;
    }
  }
  return false;
}

/// So that what the pool of the program keeps doesn't grow when more of it is out than usual.
bool fill_pool() {
  std::vector<antiphon::buffer> out;
  for (const std::size_t size : {1'000u, 4'000u, 16'000u, 64'000u}) {
    for (int i = 0; i < 16; ++i) out.push_back(antiphon::shared_buffer_pool()->acquire(size));
  }
  return true;
}

/// What is wrong with it, or null.
const char* judge(const books& seen, bool ended, int due) {
  if (!ended) return "it stalls";
  if (seen.calls.open() > 0 || seen.runs.open() > 0) return "not all have ended";
  // Asio destroys who awaits something that it finds no memory for, and that exception comes out of `run`.
  if (seen.calls.destroyed > seen.escaped || seen.runs.destroyed > seen.escaped)
    return "some ended without a word";
  if (seen.answers_wrong > 0) return "a wrong answer";
  if (has_failed()) return nullptr;
  if (seen.calls.failed > 0 || seen.runs.failed > 0) return "some failed with memory";
  if (seen.heard != due) return "not all was heard with memory";
  return nullptr;
}

}  // namespace

awaitable<void> entered(tally& in, awaitable<bool> what) {
  entry here(in);
  try {
    const bool as_due = co_await std::move(what);
    here.ends(as_due);
  } catch (...) {
    here.ends(false);
    throw;
  }
}

const char* play(int due, const std::function<void(asio::io_context&, books&)>& begin) {
  [[maybe_unused]] static const bool filled = fill_pool();
  static char wrong[300];
  books in;
  antiphon::testing::virtual_time time;
  bool ended = true;
  try {
    asio::io_context context(1);
    ended = false;
    try {
      begin(context, in);
    } catch (const std::bad_alloc&) {  // whoever has begun is alone
    }
    ended = run_to_end(time, context, in);
    // Before the context destroys those that are left.
    const books seen = in;
    const char* const what = judge(seen, ended, due);
    if (what == nullptr) return nullptr;
    std::snprintf(
        wrong, sizeof(wrong),
        "%s: %d calls, %d done, %d failed, %d destroyed; %d runs, %d done, %d failed, %d destroyed; "
        "%d heard, %d exceptions escaped",
        what, seen.calls.begun, seen.calls.done, seen.calls.failed, seen.calls.destroyed, seen.runs.begun,
        seen.runs.done, seen.runs.failed, seen.runs.destroyed, seen.heard, seen.escaped);
    return wrong;
  } catch (const std::bad_alloc&) {  // there is no context: nothing has begun
    return nullptr;
  }
}

}  // namespace test
