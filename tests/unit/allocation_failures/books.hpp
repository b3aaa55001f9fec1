#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <functional>
#include <new>
#include <utility>

/// Those who talk while memory runs out. Whatever fails: each call ends once, with its answer, an error or
/// the end of the connection, `run` returns for everybody, and nothing is left.
namespace test {

namespace asio = boost::asio;
using asio::awaitable;

/// How many were begun, and how they have ended. Nothing here asks for memory.
struct tally {
  int begun = 0;
  int done = 0;       // as they do with memory
  int failed = 0;     // with another error, or an exception
  int destroyed = 0;  // their coroutine: nobody was told of an end

  int open() const noexcept { return begun - done - failed - destroyed; }
};

struct books {
  tally calls;
  tally runs;
  int heard = 0;  // what nobody answers: notifications, events, reports
  int answers_wrong = 0;
  int escaped = 0;  // exceptions that came out of io_context::run
};

/// One of a tally, from here to its end.
class entry {
 public:
  explicit entry(tally& in) noexcept : in_(in) { ++in_.begun; }
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;
  ~entry() { ++*end_; }

  void ends(bool as_due) noexcept { end_ = as_due ? &in_.done : &in_.failed; }

 private:
  tally& in_;
  int* end_ = &in_.destroyed;
};

/// In the books from its beginning to its end. `what` says whether that was the one with memory.
awaitable<void> entered(tally& in, awaitable<bool> what);

/// A step may find no memory to begin.
template <class Step>
awaitable<void> attempt(Step step) {
  try {
    auto doing = step();
    co_await std::move(doing);
  } catch (const std::bad_alloc&) {
  } catch (const boost::system::system_error&) {  // the connection's end, or a failed write
  }
}

/// Plays it once, in virtual time.
/// @param due what `books::heard` is where memory suffices
/// @param begin starts all that takes part; may throw std::bad_alloc
/// @return what was wrong, or null
const char* play(int due, const std::function<void(asio::io_context&, books&)>& begin);

}  // namespace test
