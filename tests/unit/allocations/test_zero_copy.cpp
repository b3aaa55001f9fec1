#include "tests/unit/allocations/counting_new.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A payload stays where the transport has put it: handlers see it there, and replies leave from there.

namespace asio = boost::asio;

namespace {

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t largest_block = 4 * mib;
constexpr char poison = '\xDB';

/// Buffers that tell who wrote how much to them: poisoned when they are handed out, looked at when they come
/// back. They are extended in place.
class watched_memory {
 public:
  watched_memory() {
    for (block& one : blocks_) add(one);
  }

  antiphon::buffer acquire(std::size_t at_least) {
    REQUIRE(at_least <= largest_block);
    REQUIRE(!free_.empty());
    block* taken = free_.back();
    free_.pop_back();
    std::memset(taken->bytes, poison, largest_block);
    taken->received = 0;
    taken->capacity = at_least;
    taken->references = 1;
    ++out_;
    return antiphon::buffer(taken);
  }
  /// `size` bytes that came from the peer were put there.
  void received(const char* at, std::size_t size) { const_cast<block*>(find(at))->received += size; }
  /// Whether it lies among bytes that came from the peer.
  bool holds_received(const char* at) const {
    const block* in = find(at);
    return in != nullptr && in->received > 0;
  }

  std::size_t out() const { return out_; }
  /// What was written by others than the peer, in all buffers that have come back.
  std::size_t written() const { return written_; }

 private:
  struct block : antiphon::memory_block {
    watched_memory* home = nullptr;
    std::vector<char> memory;
    std::size_t received = 0;
  };

  void add(block& made) {
    made.memory.resize(largest_block);
    made.bytes = made.memory.data();
    made.home = this;
    made.recycle = [](antiphon::memory_block* b) noexcept {
      auto* mine = static_cast<block*>(b);
      mine->home->take_back(*mine);
    };
    made.extend = [](antiphon::memory_block* b, std::size_t capacity) noexcept {
      if (capacity > largest_block) return false;
      b->capacity = capacity;
      return true;
    };
    free_.push_back(&made);
  }
  void take_back(block& old) {
    const auto touched =
        std::count_if(old.bytes, old.bytes + largest_block, [](char c) { return c != poison; });
    written_ += static_cast<std::size_t>(touched) - old.received;
    --out_;
    free_.push_back(&old);
  }
  const block* find(const char* at) const {
    const auto holds = [at](const block& one) { return one.bytes <= at && at < one.bytes + largest_block; };
    const auto found = std::ranges::find_if(blocks_, holds);
    return found == blocks_.end() ? nullptr : &*found;
  }

  std::array<block, 8> blocks_;
  std::vector<block*> free_;
  std::size_t out_ = 0;
  std::size_t written_ = 0;
};

/// What a transport has sent, and from where.
struct sent {
  std::string bytes;
  std::size_t as_received = 0;
  std::size_t otherwise = 0;
};

/// Brings what it is given in pieces, as a pipe would, and looks at what is sent.
class witness final : public antiphon::transport {
 public:
  witness(executor_type executor, watched_memory& memory, std::string_view input, sent& output)
      : executor_(std::move(executor)), memory_(&memory), input_(input), output_(&output) {}

  antiphon::buffer acquire(std::size_t at_least) override { return memory_->acquire(at_least); }

  asio::awaitable<std::size_t> receive_into(antiphon::buffer& into) override {
    const auto space = into.space();
    const std::size_t count = std::min({space.size(), input_.size(), std::size_t{64 * 1024}});
    std::memcpy(space.data(), input_.data(), count);
    input_.remove_prefix(count);
    into.commit(count);
    if (count > 0) memory_->received(space.data(), count);
    co_return count;
  }

  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    for (const std::string_view part : parts) {
      (memory_->holds_received(part.data()) ? output_->as_received : output_->otherwise) += part.size();
      output_->bytes += part;
    }
    co_return;
  }

  void close() noexcept override {}
  executor_type get_executor() override { return executor_; }

 private:
  executor_type executor_;
  watched_memory* memory_;
  std::string_view input_;
  sent* output_;
};

std::string framed(const std::string& text) {
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

std::string array_of_integers() {
  std::string text = "[0";
  for (int i = 1; text.size() < mib; ++i) text += "," + std::to_string(i);
  return text + "]";
}

// Where the last handler saw its parameters.
const char* seen_at = nullptr;

antiphon::raw_json echo(antiphon::raw_json params) {
  seen_at = params.text().data();
  return params;
}
asio::awaitable<antiphon::raw_json> late_echo(antiphon::raw_json params) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  seen_at = params.text().data();
  co_return params;
}
antiphon::raw_json echo_first(antiphon::raw_json first, std::string_view second) {
  seen_at = first.text().data();
  CHECK(second == "b");
  return first;
}

/// An endpoint gets one request whose parameters hold the payload, and answers with the payload.
void check_request(const char* name, const std::string& params, const std::string& payload) {
  CAPTURE(name);
  const std::string input =
      framed(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(name) + R"(","params":)" + params + "}");
  const std::string expected = framed(R"({"jsonrpc":"2.0","id":1,"result":)" + payload + "}");
  antiphon::router routes;
  routes.on_request("echo", echo).on_request("late_echo", late_echo).on_request("echo_first", echo_first);
  watched_memory memory;
  sent output;
  output.bytes.reserve(2 * expected.size());
  const std::size_t before = test::allocated_bytes();
  {
    asio::io_context io(1);
    antiphon::endpoint server(std::make_unique<witness>(io.get_executor(), memory, input, output),
                              std::move(routes));
    asio::co_spawn(io, server.run(), [](std::exception_ptr failure, const antiphon::ended& how) {
      CHECK(failure == nullptr);
      CHECK(how.reason == antiphon::end_reason::end_of_input);
    });
    io.run();
  }
  const std::size_t heap = test::allocated_bytes() - before;
  std::printf(
      "%-12s %zu bytes: %zu sent from where they were received, %zu written to buffers, %zu on the heap\n",
      name, payload.size(), output.as_received, memory.written(), heap);
  CHECK(output.bytes == expected);
  CHECK(memory.holds_received(seen_at));
  CHECK(output.as_received == payload.size());
  CHECK(output.otherwise == expected.size() - payload.size());
  CHECK(memory.out() == 0);
  CHECK(memory.written() < 200);
  CHECK(heap < 64 * 1024);
}

}  // namespace

TEST_CASE("a payload of a MiB is not copied between the socket and the handler, in either direction") {
  const std::string text = R"([")" + std::string(mib, 'x') + R"("])";
  check_request("echo", text, text);
  check_request("late_echo", text, text);
  const std::string numbers = array_of_integers();
  check_request("echo", numbers, numbers);
  check_request("late_echo", numbers, numbers);
  check_request("echo_first", "[" + numbers + R"(,"b"])", numbers);
}
