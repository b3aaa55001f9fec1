#pragma once

#include <antiphon/router.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace antiphon::relay {

namespace asio = boost::asio;

/// What becomes of a message for whose subscriber too much waits already.
enum class slow_subscriber {
  drop_oldest,  ///< the oldest that wait for it are dropped
  block,        ///< whoever publishes waits until there is room
  disconnect,   ///< the subscriber is ended, and what waits for it dropped
};

/// How much may wait for one subscriber.
struct topic_limits {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  topic_limits() noexcept {}

  /// Messages, at least 1.
  std::size_t max_queued = 1024;
  /// Bytes of their payloads. A single one that is larger waits alone.
  std::size_t max_queued_bytes = 8 * 1024 * 1024;
  slow_subscriber when_full = slow_subscriber::drop_oldest;
};

/// What was published. One for all its subscribers.
class topic_message {
 public:
  topic_message(std::string topic, raw_json payload)
      : topic_(std::move(topic)), payload_(std::move(payload)) {}
  const std::string& topic() const noexcept { return topic_; }
  const raw_json& payload() const noexcept { return payload_; }
  std::size_t size() const noexcept { return payload_.bytes().size(); }

 private:
  std::string topic_;
  raw_json payload_;
};

/// The counters of all topics.
struct topic_stats {
  std::size_t topics = 0;       ///< with a subscriber
  std::size_t subscribers = 0;  ///< of any topic, or none
  std::size_t queued = 0;       ///< messages that wait, counted for each subscriber
  std::size_t queued_bytes = 0;
  std::size_t most_queued = 0;  ///< the most that ever waited for one subscriber
  std::uint64_t published = 0;
  std::uint64_t delivered = 0;     ///< like the following, counted for each subscriber
  std::uint64_t dropped = 0;       ///< because its subscriber was slow or gone
  std::uint64_t waited = 0;        ///< held whoever published up
  std::uint64_t disconnected = 0;  ///< subscribers that were too slow
};

class topics;

/// Someone who takes part in topics, with one bounded queue for all of its own. Made by `topics::join`;
/// destroying it unsubscribes from everything, and drops what waits.
class subscriber {
 public:
  class member;

  subscriber() noexcept = default;
  explicit subscriber(std::shared_ptr<member> joined) noexcept : member_(std::move(joined)) {}
  subscriber(subscriber&&) noexcept = default;
  subscriber& operator=(subscriber&& other) noexcept;
  ~subscriber();

  /// @return false when it was subscribed already, or has been disconnected
  bool subscribe(std::string topic);
  /// @return false when it wasn't subscribed
  bool unsubscribe(const std::string& topic);

 private:
  std::shared_ptr<member> member_;
};

/// Topics: each message that is published on one goes to all who have subscribed to it.
///
/// Payloads are shared: however many subscribe, the bytes exist once (the envelope, and payloads that are
/// small enough for that to be cheaper, are written for each). A subscriber gets the messages of one
/// publisher in order. Not thread-safe: everything runs on one executor. May be destroyed before its
/// subscribers.
class topics {
 public:
  /// Hands one message to its subscriber; completes when the next one may follow. What it throws ends the
  /// subscriber.
  using deliver = std::function<asio::awaitable<void>(std::shared_ptr<const topic_message>)>;

  explicit topics(asio::any_io_executor executor, topic_limits limits = topic_limits());
  topics(const topics&) = delete;
  topics& operator=(const topics&) = delete;
  ~topics();

  /// A new subscriber, of nothing yet.
  /// @param disconnect called when it is too slow (`slow_subscriber::disconnect`) or can't be reached any
  /// more (`to` has thrown, there is no memory); may be empty
  subscriber join(deliver to, std::function<void()> disconnect = nullptr);

  /// Queues a message for everyone who has subscribed to the topic now. With `slow_subscriber::block` it
  /// waits for those who have no room; who cancels that wait leaves them without the message.
  /// @param payload pinned, or it is copied once
  /// @return for how many it has been queued
  asio::awaitable<std::size_t> publish(std::string topic, raw_json payload);

  topic_stats stats() const;

  class state;

 private:
  std::shared_ptr<state> state_;
};

/// The methods by which peers take part in topics.
struct topic_methods {
  topic_methods() {}

  /// `{"topic": ...}`; its result says whether that is new.
  std::string subscribe = "topics/subscribe";
  /// `{"topic": ...}`; its result says whether it was subscribed.
  std::string unsubscribe = "topics/unsubscribe";
  /// `{"topic": ..., "payload": ...}`, a request or a notification; its result says for how many it was
  /// queued.
  std::string publish = "topics/publish";
  /// The notification that subscribers get: `{"topic": ..., "payload": ...}`.
  std::string event = "topics/event";
};

/// Adds these methods to the routes of one connection. It leaves all topics when its routes are destroyed or
/// an event can't be sent to it any more; a subscriber that is too slow is closed.
/// @param on outlives the connection
void serve_topics(router& routes, topics& on, topic_methods methods = topic_methods());

}  // namespace antiphon::relay
