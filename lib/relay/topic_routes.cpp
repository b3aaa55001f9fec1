#include "lib/connection.hpp"

#include <antiphon/peer.hpp>
#include <antiphon/relay/topics.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>

#include <boost/describe/class.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace antiphon::relay {
namespace {

struct topic_only {
  std::string topic;
};
BOOST_DESCRIBE_STRUCT(topic_only, (), (topic))

struct publication {
  std::string topic;
  raw_json payload;
};
BOOST_DESCRIBE_STRUCT(publication, (), (topic, payload))

struct event_params {
  std::string_view topic;
  raw_json payload;
};
BOOST_DESCRIBE_STRUCT(event_params, (), (topic, payload))

/// What the routes of one connection keep. They belong to the connection, so they may not keep it.
class participant {
 public:
  participant(topics& on, std::string event)
      : on_(on), event_(std::make_shared<std::string>(std::move(event))) {}

  bool subscribe(call_context& call, std::string topic) {
    if (!joined_) joined_ = on_.join(sender(call.peer()), closer(call.peer()));
    return joined_->subscribe(std::move(topic));
  }
  bool unsubscribe(const std::string& topic) { return joined_ && joined_->unsubscribe(topic); }
  asio::awaitable<std::size_t> publish(std::string topic, raw_json payload) {
    return on_.publish(std::move(topic), std::move(payload));
  }

 private:
  /// A peer that doesn't keep the connection.
  class weak_peer : antiphon::peer {
   public:
    explicit weak_peer(const antiphon::peer& whom) : peer(whom), weak_(connection_) { connection_.reset(); }
    std::optional<antiphon::peer> lock() const {
      auto strong = weak_.lock();
      if (!strong) return std::nullopt;
      return antiphon::peer(std::move(strong));
    }
    /// At once: unlike peer::close it needs no memory.
    void close() const {
      if (const auto open = weak_.lock()) open->close(std::chrono::milliseconds(0));
    }

   private:
    std::weak_ptr<antiphon::detail::connection> weak_;
  };

  topics::deliver sender(const antiphon::peer& whom) const {
    return [to = weak_peer(whom), event = event_](std::shared_ptr<const topic_message> one) {
      return send(to, event, std::move(one));
    };
  }
  static asio::awaitable<void> send(weak_peer to, std::shared_ptr<std::string> event,
                                    std::shared_ptr<const topic_message> one) {
    const auto whom = to.lock();
    if (!whom) throw boost::system::system_error(make_error_code(errc::closed));
    const event_params params{one->topic(), one->payload()};
    auto telling = whom->notify(*event, params);
    co_await std::move(telling);
  }
  static std::function<void()> closer(const antiphon::peer& whom) {
    return [to = weak_peer(whom)] { to.close(); };
  }

  topics& on_;
  std::shared_ptr<std::string> event_;
  std::optional<subscriber> joined_;
};

}  // namespace

void serve_topics(router& routes, topics& on, topic_methods methods) {
  const auto self = std::make_shared<participant>(on, std::move(methods.event));
  routes.on_request(methods.subscribe, [self](call_context& call, topic_only what) {
    return self->subscribe(call, std::move(what.topic));
  });
  routes.on_request(methods.unsubscribe, [self](topic_only what) { return self->unsubscribe(what.topic); });
  routes.on_request(methods.publish, [self](publication what) {
    return self->publish(std::move(what.topic), std::move(what.payload));
  });
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the router outlives it
  routes.on_notification(methods.publish, [self](publication what) -> asio::awaitable<void> {
    auto publishing = self->publish(std::move(what.topic), std::move(what.payload));
    static_cast<void>(co_await std::move(publishing));
  });
}

}  // namespace antiphon::relay
