#include "transport/event.hpp"
#include "transport/fail.hpp"
#include "transport/turns.hpp"

#include <antiphon/transport/buffer_pool.hpp>
#include <antiphon/transport/memory_pipe.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <vector>

namespace antiphon {
namespace {

/// The bytes on their way in one direction.
class ring {
 public:
  explicit ring(std::size_t capacity) : bytes_(capacity) {}

  std::size_t size() const noexcept { return size_; }
  std::size_t room() const noexcept { return bytes_.size() - size_; }

  void put(std::string_view from) noexcept {
    const std::size_t tail = (head_ + size_) % bytes_.size();
    const std::size_t first = std::min(from.size(), bytes_.size() - tail);
    std::memcpy(bytes_.data() + tail, from.data(), first);
    std::memcpy(bytes_.data(), from.data() + first, from.size() - first);
    size_ += from.size();
  }

  void take(std::span<char> into) noexcept {
    const std::size_t first = std::min(into.size(), bytes_.size() - head_);
    std::memcpy(into.data(), bytes_.data() + head_, first);
    std::memcpy(into.data() + first, bytes_.data(), into.size() - first);
    head_ = (head_ + into.size()) % bytes_.size();
    size_ -= into.size();
  }

 private:
  std::vector<char> bytes_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

/// What wakes the coroutines of one side. Owned by that side alone, so that it dies with its executor.
struct alarm {
  explicit alarm(const asio::any_io_executor& executor)
      : readable(executor), writable(executor), hung_up(executor) {}
  event readable;
  event writable;
  event hung_up;
};

/// One side as the other sees it. All of it is guarded by the pipe's mutex.
struct side {
  ring incoming;
  asio::any_io_executor executor;
  std::weak_ptr<alarm> waker;
  bool same_executor;           // as the other side's
  bool no_more_output = false;  // it has shut down its sending or closed
  bool closed = false;
  bool reader_waits = false;
  bool writer_waits = false;
  bool watcher_waits = false;

  side(std::size_t capacity, asio::any_io_executor own, const asio::any_io_executor& other)
      : incoming(capacity), executor(std::move(own)), same_executor(executor == other) {}

  // Posted under the mutex: a side that closes takes the mutex first, so its executor is alive here.
  void wake(bool& waits, event alarm::* which) noexcept {
    if (!waits || closed) return;
    waits = false;
    if (same_executor) {
      if (auto alive = waker.lock()) ((*alive).*which).notify();
      return;
    }
    try {
      asio::post(executor, [waker = waker, which] {
        if (auto alive = waker.lock()) ((*alive).*which).notify();
      });
    } catch (...) {  // no memory: the next one wakes it
      waits = true;
    }
  }
  void wake_reader() noexcept { wake(reader_waits, &alarm::readable); }
  void wake_writer() noexcept { wake(writer_waits, &alarm::writable); }
  void wake_watcher() noexcept { wake(watcher_waits, &alarm::hung_up); }
};

struct pipe_state {
  std::mutex mutex;
  std::array<side, 2> sides;
};

class memory_transport final : public transport {
 public:
  memory_transport(std::shared_ptr<pipe_state> pipe, std::size_t index, asio::any_io_executor executor,
                   std::shared_ptr<buffer_source> buffers)
      : pipe_(std::move(pipe)),
        mine_(pipe_->sides[index]),
        theirs_(pipe_->sides[1 - index]),
        executor_(std::move(executor)),
        buffers_(std::move(buffers)),
        alarm_(std::make_shared<alarm>(executor_)) {
    mine_.waker = alarm_;
  }
  ~memory_transport() override { memory_transport::close(); }

  buffer acquire(std::size_t at_least) override { return buffers_->acquire(at_least); }
  void wait_for_memory(memory_waiter& who) override { buffers_->wait_for_memory(who); }
  void stop_waiting(memory_waiter& who) noexcept override { buffers_->stop_waiting(who); }

  asio::awaitable<std::size_t> receive_into(buffer& into) override {
    if (turns_.used_up()) {
      auto turn = alarm_->readable.next_turn();
      co_await std::move(turn);
    }
    for (;;) {
      const receipt got = receive_now(into.space());
      if (got.what == outcome::done) {
        into.commit(got.count);
        co_return got.count;
      }
      turns_.renew();
      auto waiting = alarm_->readable.wait();
      co_await std::move(waiting);
    }
  }

  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    std::size_t part = 0;
    std::size_t offset = 0;
    for (;;) {
      if (send_now(parts, part, offset) == outcome::done) co_return;
      auto waiting = alarm_->writable.wait();
      co_await std::move(waiting);
    }
  }

  bool shutdown_send() noexcept override {
    std::lock_guard lock(pipe_->mutex);
    mine_.no_more_output = true;
    theirs_.wake_reader();
    theirs_.wake_watcher();
    mine_.wake_writer();
    return false;
  }

  asio::awaitable<hang_up> wait_hang_up(bool input_has_ended) override {
    for (;;) {
      const hang_up seen = look(input_has_ended);
      if (seen != hang_up::unknown || mine_.closed) co_return seen;
      auto waiting = alarm_->hung_up.wait();
      co_await std::move(waiting);
    }
  }

  void close() noexcept override {
    std::lock_guard lock(pipe_->mutex);
    if (mine_.closed) return;
    mine_.no_more_output = true;
    theirs_.wake_reader();
    theirs_.wake_writer();
    theirs_.wake_watcher();
    mine_.closed = true;
    mine_.executor = {};
    alarm_->readable.notify();
    alarm_->writable.notify();
    alarm_->hung_up.notify();
  }

  executor_type get_executor() override { return executor_; }

 private:
  enum class outcome { done, wait };
  struct receipt {
    outcome what;
    std::size_t count;
  };

  receipt receive_now(std::span<char> space) {
    if (space.empty()) fail(asio::error::no_buffer_space, "receive");
    std::lock_guard lock(pipe_->mutex);
    if (mine_.closed) fail(asio::error::operation_aborted, "receive");
    ring& incoming = mine_.incoming;
    if (incoming.size() > 0) {
      const std::size_t count = std::min(space.size(), incoming.size());
      incoming.take(space.first(count));
      theirs_.wake_writer();
      return {outcome::done, count};
    }
    if (theirs_.no_more_output) return {outcome::done, 0};
    mine_.reader_waits = true;
    return {outcome::wait, 0};
  }

  hang_up look(bool input_has_ended) {
    std::lock_guard lock(pipe_->mutex);
    if (mine_.closed) return hang_up::unknown;
    if (theirs_.closed) return hang_up::broken;
    if (theirs_.no_more_output && !input_has_ended) return hang_up::input_ended;
    mine_.watcher_waits = true;
    return hang_up::unknown;
  }

  outcome send_now(std::span<const std::string_view> parts, std::size_t& part, std::size_t& offset) {
    std::lock_guard lock(pipe_->mutex);
    if (mine_.closed) fail(asio::error::operation_aborted, "send");
    if (mine_.no_more_output || theirs_.closed) fail(asio::error::broken_pipe, "send");
    ring& outgoing = theirs_.incoming;
    for (; part < parts.size(); ++part, offset = 0) {
      const auto rest = parts[part].substr(offset);
      const auto fits = rest.substr(0, outgoing.room());
      if (!fits.empty()) {
        outgoing.put(fits);
        offset += fits.size();
        theirs_.wake_reader();
      }
      if (fits.size() < rest.size()) {
        mine_.writer_waits = true;
        return outcome::wait;
      }
    }
    return outcome::done;
  }

  std::shared_ptr<pipe_state> pipe_;
  side& mine_;
  side& theirs_;
  asio::any_io_executor executor_;
  std::shared_ptr<buffer_source> buffers_;
  std::shared_ptr<alarm> alarm_;
  turns turns_;
};

}  // namespace

std::pair<transport_ptr, transport_ptr> make_memory_pipe(asio::any_io_executor first,
                                                         asio::any_io_executor second,
                                                         memory_pipe_options options) {
  if (options.buffers == nullptr) options.buffers = shared_buffer_pool();
  const std::size_t capacity = std::max<std::size_t>(options.capacity, 1);
  std::shared_ptr<pipe_state> pipe(
      new pipe_state{{}, {side(capacity, first, second), side(capacity, second, first)}});
  auto a = std::make_unique<memory_transport>(pipe, 0, std::move(first), options.buffers);
  auto b = std::make_unique<memory_transport>(pipe, 1, std::move(second), options.buffers);
  return {std::move(a), std::move(b)};
}

std::pair<transport_ptr, transport_ptr> make_memory_pipe(asio::any_io_executor executor,
                                                         memory_pipe_options options) {
  return make_memory_pipe(executor, executor, std::move(options));
}

}  // namespace antiphon
