#include "lib/relay/subscriber_queue.hpp"
#include "lib/waiting.hpp"

#include <antiphon/relay/topics.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace antiphon::relay {

using member_ptr = std::shared_ptr<subscriber::member>;

class topics::state {
 public:
  explicit state(asio::any_io_executor on, topic_limits within) : executor(std::move(on)), limits(within) {}

  asio::any_io_executor executor;
  topic_limits limits;
  std::map<std::string, std::vector<member_ptr>, std::less<>> by_topic;
  std::set<subscriber::member*> members;
  topic_stats counts;
};

class subscriber::member : public std::enable_shared_from_this<subscriber::member> {
 public:
  member(std::shared_ptr<topics::state> of, topics::deliver to, std::function<void()> disconnect)
      : state_(std::move(of)),
        deliver_(std::move(to)),
        disconnect_(std::move(disconnect)),
        queue_(state_->limits),
        room_(state_->executor, asio::steady_timer::time_point::max()) {
    state_->members.insert(this);
  }

  bool subscribe(std::string topic) {
    if (gone_ || !topics_.insert(topic).second) return false;
    try {
      state_->by_topic[topic].push_back(shared_from_this());
    } catch (...) {
      unsubscribe(topic);
      throw;
    }
    return true;
  }
  bool unsubscribe(const std::string& topic) {
    if (topics_.erase(topic) == 0) return false;
    remove_from(topic);
    return true;
  }
  /// Nothing is delivered any more.
  void leave() noexcept {
    if (std::exchange(gone_, true)) return;
    const member_ptr self = shared_from_this();  // the topics may hold the last reference
    for (const std::string& topic : topics_) remove_from(topic);
    topics_.clear();
    state_->counts.most_queued = std::max(state_->counts.most_queued, queue_.most());
    state_->counts.dropped += queue_.clear();
    state_->members.erase(this);
    room_.cancel();
  }

  /// False when `block` has to wait: there is no room, or others have waited for longer.
  /// @param place where the message stands in line, if it has waited
  bool offer(const subscriber_queue::message& one, const void* place = nullptr) {
    if (gone_) return true;
    const void* const first = line_.empty() ? nullptr : line_.front();
    if (first != place) return false;
    if (!queue_.has_room(one->size())) {
      if (state_->limits.when_full == slow_subscriber::block) return false;
      if (state_->limits.when_full == slow_subscriber::disconnect) {
        ++state_->counts.disconnected;
        ++state_->counts.dropped;
        leave();
        if (disconnect_) disconnect_();
        return true;
      }
      state_->counts.dropped += queue_.make_room(one->size());
    }
    queue_.push(one);
    if (!std::exchange(pumping_, true)) start_pump();
    return true;
  }
  /// Offers it again and again.
  static asio::awaitable<void> offer_in_turn(member_ptr self, subscriber_queue::message one) {
    struct place_in_line {
      explicit place_in_line(member& whose) : home(whose) { home.line_.push_back(this); }
      ~place_in_line() {
        std::erase(home.line_, this);
        home.room_.cancel();  // for whoever is the next
      }
      member& home;
    };
    const place_in_line place(*self);
    while (!self->offer(one, &place)) {
      error_code ignored;
      co_await self->room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  bool gone() const noexcept { return gone_; }
  const subscriber_queue& queue() const noexcept { return queue_; }

 private:
  void remove_from(const std::string& topic) {
    const auto found = state_->by_topic.find(topic);
    if (found == state_->by_topic.end()) return;
    std::erase_if(found->second, [this](const member_ptr& one) { return one.get() == this; });
    if (found->second.empty()) state_->by_topic.erase(found);
  }

  void start_pump() noexcept {
    antiphon::detail::on_end ended(
        [self = shared_from_this()](const std::exception_ptr&, bool destroyed) noexcept {
          if (destroyed) self->lose();
        });
    try {
      asio::co_spawn(state_->executor, pump(shared_from_this()), std::move(ended));
    } catch (...) {  // no memory, of which it is told
    }
  }
  static asio::awaitable<void> pump(member_ptr self) {
    try {
      for (;;) {
        auto next = self->queue_.pop();
        if (!next) break;
        self->room_.cancel();
        auto delivering = self->deliver_(std::move(next));
        co_await std::move(delivering);
        ++self->state_->counts.delivered;
      }
    } catch (...) {
      self->lose();
    }
    self->pumping_ = false;
  }
  /// It can't be reached any more, which is its end and nobody else's. It isn't left to wait for what will
  /// never come.
  void lose() noexcept {
    if (!std::exchange(pumping_, false)) return;
    ++state_->counts.dropped;
    if (gone_) return;
    leave();
    try {
      if (disconnect_) disconnect_();
    } catch (...) {
    }
  }

  std::shared_ptr<topics::state> state_;
  topics::deliver deliver_;
  std::function<void()> disconnect_;
  subscriber_queue queue_;
  asio::steady_timer room_;        // cancelled when there may be some
  std::vector<const void*> line_;  // of messages that wait for it, the oldest first
  std::set<std::string> topics_;
  bool pumping_ = false;
  bool gone_ = false;
};

subscriber& subscriber::operator=(subscriber&& other) noexcept {
  if (this == &other) return *this;
  if (member_) member_->leave();
  member_ = std::move(other.member_);
  return *this;
}

subscriber::~subscriber() {
  if (member_) member_->leave();
}

bool subscriber::subscribe(std::string topic) { return member_ && member_->subscribe(std::move(topic)); }
bool subscriber::unsubscribe(const std::string& topic) { return member_ && member_->unsubscribe(topic); }

topics::topics(asio::any_io_executor executor, topic_limits limits)
    : state_(std::make_shared<state>(std::move(executor), limits)) {}

topics::~topics() {
  while (!state_->members.empty()) (*state_->members.begin())->leave();
}

subscriber topics::join(deliver to, std::function<void()> disconnect) {
  return subscriber(std::make_shared<subscriber::member>(state_, std::move(to), std::move(disconnect)));
}

asio::awaitable<std::size_t> topics::publish(std::string topic, raw_json payload) {
  const auto all = state_;  // outlives this object while somebody has to wait
  ++all->counts.published;
  const auto found = all->by_topic.find(topic);
  if (found == all->by_topic.end()) co_return 0;
  const std::vector<member_ptr> now = found->second;
  const auto message = std::make_shared<const topic_message>(std::move(topic), payload.keep());
  // Those who have room don't wait for those who haven't.
  std::vector<member_ptr> full;
  std::size_t queued = 0;
  for (const member_ptr& one : now) {
    if (!one->offer(message)) {
      full.push_back(one);
    } else if (!one->gone()) {
      ++queued;
    }
  }
  for (const member_ptr& one : full) {
    ++all->counts.waited;
    auto waiting = subscriber::member::offer_in_turn(one, message);
    co_await std::move(waiting);
    if (!one->gone()) ++queued;
  }
  co_return queued;
}

topic_stats topics::stats() const {
  topic_stats now = state_->counts;
  now.topics = state_->by_topic.size();
  now.subscribers = state_->members.size();
  for (const subscriber::member* one : state_->members) {
    now.queued += one->queue().size();
    now.queued_bytes += one->queue().bytes();
    now.most_queued = std::max(now.most_queued, one->queue().most());
  }
  return now;
}

}  // namespace antiphon::relay
