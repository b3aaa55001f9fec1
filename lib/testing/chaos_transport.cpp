#include "transport/fail.hpp"

#include <antiphon/testing/chaos_transport.hpp>
#include <antiphon/testing/seeds.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon::testing {

namespace {

class chaos_transport final : public transport {
 public:
  chaos_transport(transport_ptr within, std::uint64_t seed, chaos_options options)
      : within_(std::move(within)),
        executor_(within_->get_executor()),
        options_(options),
        dice_(seed),
        receive_pause_(executor_),
        send_pause_(executor_),
        alive_(std::make_shared<chaos_transport*>(this)) {}
  ~chaos_transport() override { chaos_transport::close(); }

  buffer acquire(std::size_t at_least) override {
    if (dice_.once_in(options_.no_memory_once_in)) return buffer();
    return within_->acquire(at_least);
  }

  // Who waits is told soon, whether there is memory or not: he asks again, and may wait again.
  void wait_for_memory(memory_waiter& who) override {
    waiting_.push_back(&who);
    asio::post(executor_, [weak = std::weak_ptr(alive_)] {
      if (const auto self = weak.lock()) (*self)->memory_may_be_back();
    });
  }
  void stop_waiting(memory_waiter& who) noexcept override { std::erase(waiting_, &who); }

  asio::awaitable<std::size_t> receive_into(buffer& into) override {
    auto before = linger(receive_pause_);
    co_await std::move(before);
    may_break("receive");
    if (received_.empty()) {
      buffer fresh = buffer::allocate(std::max<std::size_t>(into.space().size(), 1));
      std::size_t count = 0;
      try {
        auto receiving = within_->receive_into(fresh);
        count = co_await std::move(receiving);
      } catch (const boost::system::system_error&) {
        check_open("receive");  // a send may have found it broken
        throw;
      }
      if (count == 0) co_return 0;
      received_.assign(fresh.bytes());
      auto after = linger(receive_pause_);
      co_await std::move(after);
    }
    check_open("receive");
    const auto space = into.space();
    if (space.empty()) fail(asio::error::no_buffer_space, "receive");
    const std::size_t count = piece(std::min(received_.size(), space.size()));
    std::memcpy(space.data(), received_.data(), count);
    into.commit(count);
    received_.erase(0, count);
    co_return count;
  }

  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    std::vector<std::string_view> now;
    std::size_t at = 0;
    std::string_view rest = parts.empty() ? std::string_view() : parts[0];
    while (at < parts.size()) {
      auto before = linger(send_pause_);
      co_await std::move(before);
      may_break("send");
      now.clear();
      std::size_t left = 0;
      for (std::size_t each = at; each < parts.size(); ++each)
        left += each == at ? rest.size() : parts[each].size();
      for (std::size_t wanted = piece(left); at < parts.size();) {
        const auto taken = rest.substr(0, wanted);
        if (!taken.empty()) now.push_back(taken);
        wanted -= taken.size();
        rest.remove_prefix(taken.size());
        if (!rest.empty()) break;
        rest = ++at < parts.size() ? parts[at] : std::string_view();
      }
      if (now.empty()) continue;
      try {
        auto sending = within_->send(now);
        co_await std::move(sending);
      } catch (const boost::system::system_error&) {
        check_open("send");
        throw;
      }
    }
  }

  bool shutdown_send() noexcept override { return within_->shutdown_send(); }

  asio::awaitable<hang_up> wait_hang_up(bool input_has_ended) override {
    if (dice_.once_in(options_.no_news_once_in)) co_return hang_up::unknown;
    auto waiting = within_->wait_hang_up(input_has_ended);
    const hang_up seen = co_await std::move(waiting);
    co_return seen;
  }

  void close() noexcept override {
    closed_ = true;
    within_->close();
    receive_pause_.cancel();
    send_pause_.cancel();
  }

  executor_type get_executor() override { return executor_; }

 private:
  void check_open(const char* what) const {
    if (broken_) fail(asio::error::connection_reset, what);
    if (closed_) fail(asio::error::operation_aborted, what);
  }

  void may_break(const char* what) {
    check_open(what);
    if (!dice_.once_in(options_.break_once_in)) return;
    broken_ = true;
    within_->close();
    check_open(what);
  }

  std::size_t piece(std::size_t size) {
    if (size < 2 || !dice_.once_in(options_.cut_once_in)) return size;
    const std::size_t largest = std::clamp<std::size_t>(options_.largest_piece, 1, size);
    return 1 + static_cast<std::size_t>(dice_.below(largest));
  }

  asio::awaitable<void> linger(asio::steady_timer& pause) {
    check_open("chaos");
    for (auto turns = dice_.below(options_.most_turns + 1ULL); turns > 0; --turns)
      co_await asio::post(executor_, asio::deferred);
    check_open("chaos");
    if (dice_.once_in(options_.pause_once_in)) {
      const auto longest = static_cast<std::uint64_t>(std::max<long long>(options_.longest_pause.count(), 0));
      pause.expires_after(std::chrono::milliseconds(dice_.below(longest + 1)));
      co_await pause.async_wait(asio::as_tuple(asio::deferred));
      check_open("chaos");
    }
  }

  void memory_may_be_back() {
    std::erase_if(waiting_, [](memory_waiter* who) { return who->memory_returned(); });
  }

  transport_ptr within_;
  asio::any_io_executor executor_;
  chaos_options options_;
  dice dice_;
  asio::steady_timer receive_pause_;
  asio::steady_timer send_pause_;
  std::shared_ptr<chaos_transport*> alive_;
  std::vector<memory_waiter*> waiting_;
  std::string received_;  // that hasn't been handed out
  bool closed_ = false;
  bool broken_ = false;
};

}  // namespace

transport_ptr make_chaos_transport(transport_ptr within, std::uint64_t seed, chaos_options options) {
  return std::make_unique<chaos_transport>(std::move(within), seed, options);
}

}  // namespace antiphon::testing
