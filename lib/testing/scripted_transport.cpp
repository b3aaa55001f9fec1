#include "transport/event.hpp"
#include "transport/fail.hpp"

#include <antiphon/testing/scripted_transport.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace antiphon::testing {

struct script::step {
  enum class kind : std::uint8_t { bytes, pause, wait, end, failure };
  kind what;
  std::string text;
  std::chrono::milliseconds time{0};
  error_code error;
};

/// What wakes the transport's coroutines. Its own, so that it goes with its executor.
struct alarm {
  explicit alarm(const asio::any_io_executor& executor) : changed(executor), pause(executor) {}
  event changed;
  asio::steady_timer pause;
};

script::script() = default;
script::~script() = default;

script& script::add(step next) {
  steps_.push_back(std::move(next));
  if (const auto waiting = waker_.lock()) waiting->changed.notify();
  return *this;
}

script& script::says(std::string bytes) {
  if (bytes.empty()) return *this;
  return add({step::kind::bytes, std::move(bytes), {}, {}});
}

script& script::says_in_pieces(std::string_view bytes, std::size_t piece) {
  for (std::size_t at = 0; at < bytes.size(); at += std::max<std::size_t>(piece, 1))
    says(std::string(bytes.substr(at, std::max<std::size_t>(piece, 1))));
  return *this;
}

script& script::pauses(std::chrono::milliseconds time) { return add({step::kind::pause, {}, time, {}}); }
script& script::hears(std::string text) { return add({step::kind::wait, std::move(text), {}, {}}); }
script& script::ends() { return add({step::kind::end, {}, {}, {}}); }
script& script::breaks(error_code with) { return add({step::kind::failure, {}, {}, with}); }

script& script::fails(operation what, std::size_t nth, error_code with) {
  failures_.push_back({what, nth, with});
  return *this;
}

script& script::listens_slowly(std::size_t bytes, unsigned turns) {
  most_sent_ = bytes;
  turns_ = turns;
  return *this;
}

void script::begin(operation what) {
  const std::size_t nth = ++counts_[static_cast<std::size_t>(what)];
  for (const failure& one : failures_) {
    if (one.what != what || one.nth != nth) continue;
    if (one.with == boost::system::errc::not_enough_memory) throw std::bad_alloc();
    fail(one.with, "script");
  }
}

bool script::heard(const std::string& text) {
  const std::size_t at = sent_.find(text, heard_);
  if (at == std::string::npos) return false;
  heard_ = at + text.size();
  return true;
}

class scripted_transport final : public transport {
 public:
  scripted_transport(asio::any_io_executor executor, std::shared_ptr<script> peer)
      : executor_(std::move(executor)), peer_(std::move(peer)), alarm_(std::make_shared<alarm>(executor_)) {
    peer_->waker_ = alarm_;
  }
  ~scripted_transport() override { scripted_transport::close(); }

  buffer acquire(std::size_t at_least) override {
    peer_->begin(operation::acquire);
    return buffers_->acquire(at_least);
  }

  asio::awaitable<std::size_t> receive_into(buffer& into) override {
    using kind = script::step::kind;
    check_open("receive");
    peer_->begin(operation::receive);
    for (;;) {
      check_open("receive");
      if (peer_->steps_.empty()) {
        auto waiting = alarm_->changed.wait();
        co_await std::move(waiting);
        continue;
      }
      script::step& next = peer_->steps_.front();
      switch (next.what) {
        case kind::bytes: co_return take(next, into);
        case kind::pause: {
          const auto time = next.time;
          peer_->steps_.pop_front();
          alarm_->pause.expires_after(time);
          co_await alarm_->pause.async_wait(asio::as_tuple(asio::deferred));
          break;
        }
        case kind::wait:
          if (peer_->heard(next.text)) {
            peer_->steps_.pop_front();
          } else {
            auto waiting = alarm_->changed.wait();
            co_await std::move(waiting);
          }
          break;
        case kind::end: co_return 0;
        case kind::failure: fail(next.error, "receive");
      }
    }
  }

  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    check_open("send");
    peer_->begin(operation::send);
    const std::size_t which = peer_->sends_.size();
    peer_->sends_.emplace_back();
    std::size_t taken = 0;
    for (std::string_view part : parts) {
      while (!part.empty()) {
        check_open("send");
        const std::size_t most = peer_->most_sent_ == 0 ? part.size() : peer_->most_sent_ - taken;
        const auto now = part.substr(0, most);
        peer_->sends_[which] += now;
        peer_->sent_ += now;
        part.remove_prefix(now.size());
        taken += now.size();
        alarm_->changed.notify();
        if (peer_->most_sent_ == 0 || taken < peer_->most_sent_) continue;
        taken = 0;
        for (unsigned turn = 0; turn < peer_->turns_; ++turn) co_await asio::post(executor_, asio::deferred);
      }
    }
    check_open("send");
  }

  bool shutdown_send() noexcept override {
    peer_->heard_end_ = true;
    return false;
  }

  void close() noexcept override {
    if (closed_) return;
    closed_ = peer_->closed_ = peer_->heard_end_ = true;
    alarm_->changed.notify();
    alarm_->pause.cancel();
  }

  executor_type get_executor() override { return executor_; }

 private:
  void check_open(const char* what) const {
    if (closed_) fail(asio::error::operation_aborted, what);
  }

  std::size_t take(script::step& from, buffer& into) {
    const auto space = into.space();
    if (space.empty()) fail(asio::error::no_buffer_space, "receive");
    const std::size_t count = std::min(space.size(), from.text.size());
    std::memcpy(space.data(), from.text.data(), count);
    into.commit(count);
    from.text.erase(0, count);
    if (from.text.empty()) peer_->steps_.pop_front();
    return count;
  }

  asio::any_io_executor executor_;
  std::shared_ptr<script> peer_;
  std::shared_ptr<alarm> alarm_;
  std::shared_ptr<buffer_source> buffers_ = shared_buffer_pool();
  bool closed_ = false;
};

transport_ptr make_scripted_transport(asio::any_io_executor executor, std::shared_ptr<script> peer) {
  return std::make_unique<scripted_transport>(std::move(executor), std::move(peer));
}

}  // namespace antiphon::testing
