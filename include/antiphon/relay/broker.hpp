#pragma once

#include <antiphon/call_context.hpp>
#include <antiphon/relay/target.hpp>
#include <antiphon/router.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace antiphon::relay {

/// Where a message goes; see `broker_options::choose`.
struct choice {
  /// Null: the other rules decide.
  target* to = nullptr;
  /// The method's name over there, valid until the function that chose it is called again or its message's
  /// context ends; empty: what it is here.
  std::string_view method{};
};

/// By what a relay finds the target of a request or notification. The rules are tried in this order; the
/// first that finds one decides.
struct broker_options {
  broker_options() {}

  /// Your own rule. What it throws answers the request as a handler's exception would.
  std::function<choice(const call_context& message)> choose;
  /// A method `NAME/rest` goes to the target NAME, where there is one. Empty: this rule is off.
  std::string prefix_separator = "/";
  /// Whether that target is asked for `rest`; otherwise for the method as it is.
  bool strip_prefix = true;
  /// A message whose params are an object with this member, a string, goes to the target of that name. Of
  /// several members of that name the last one counts. The params aren't changed. Empty: this rule is off,
  /// and params aren't looked into.
  std::string target_member = "target";
  /// Where what no rule has a target for goes. Empty: requests are answered with an error.
  std::string otherwise;
};

struct broker_stats {
  std::uint64_t unknown_target = 0;         ///< requests answered `relay_errc::unknown_target`
  std::uint64_t without_target = 0;         ///< requests answered -32601, since they name none
  std::uint64_t notifications_dropped = 0;  ///< of which nobody knew where to
  std::size_t clients = 0;                  ///< that have joined
};

namespace detail {
class broker_core;
}

/// A client that takes part: what targets send of their own accord reaches it. Leaving is its destructor.
class membership {
 public:
  membership() noexcept = default;
  membership(std::shared_ptr<detail::broker_core> home, std::shared_ptr<target> client) noexcept;
  membership(membership&& other) noexcept = default;
  membership& operator=(membership&& other) noexcept;
  ~membership();

  /// The client as a destination, for `broker_options::choose`. While this lives.
  target& as_target() const noexcept { return *client_; }
  void leave() noexcept;

 private:
  std::shared_ptr<detail::broker_core> home_;
  std::shared_ptr<target> client_;
};

/// Joins clients to named targets: requests and notifications are passed on to the target that they name,
/// answers come back.
///
///     relay::broker hub;
///     relay::target& files = hub.add("files");
///     antiphon::endpoint server(co_await antiphon::spawn(std::move(command)), hub.target_routes(files));
///     files.attach(server);
///     antiphon::endpoint client(std::move(accepted), hub.client_routes());
///     const relay::membership joined = hub.join(client);
///
/// Only the id is written anew (each connection numbers its own, so those of several clients never meet), and
/// the method where a prefix is taken off. What stands in `params`, `result` and `error` is passed on byte
/// for byte, large values without a copy; where a message is a line, a line break in a value becomes a blank.
/// Members of the envelope that JSON-RPC doesn't know aren't passed on. A client's batch may go to several
/// targets; its answer is one batch.
///
/// Messages of one client to one target keep their order. A cancellation is passed on under the id over
/// there, and the client gets what the target then answers; a request that still waits for its target is
/// answered -32800 at once. A client that goes away has its requests cancelled.
///
/// A message from a target goes by the same rules to another target. One that no rule has a target for goes
/// to the clients: a notification to all of them, a request to the one client when there is exactly one.
///
/// All connections run on one serial executor. The routes keep what they need alive; they may outlive the
/// broker, and then find no targets.
class broker {
 public:
  explicit broker(broker_options options = broker_options());
  broker(const broker&) = delete;
  broker& operator=(const broker&) = delete;
  ~broker();

  /// A new target, down at first.
  /// @throws std::invalid_argument when there is one of that name
  target& add(std::string name, target_options options = target_options());
  /// What waits for it and what it hasn't answered fails with `relay_errc::target_down`. Nothing when there
  /// is none of that name.
  void remove(std::string_view name);
  /// Null when there is none. It lives until it is removed.
  target* find(std::string_view name) const noexcept;

  /// For the endpoint of a client: passes on every request and notification. More routes may be added: they
  /// go first.
  router client_routes() const;
  /// For the endpoint that is attached to `origin`.
  router target_routes(target& origin) const;
  /// From now on `client` gets what targets send without having been asked.
  [[nodiscard]] membership join(antiphon::peer client, target_options options = target_options());

  /// Other rules from now on.
  void route_by(broker_options options);

  broker_stats stats() const;

 private:
  std::shared_ptr<detail::broker_core> core_;
};

}  // namespace antiphon::relay
