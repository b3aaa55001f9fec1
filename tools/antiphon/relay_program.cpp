#include "tools/antiphon/relay_program.hpp"

#include "tools/antiphon/relay_report.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace antiphon_command {
namespace {

using antiphon::error_code;
using std::chrono::milliseconds;
namespace relay = antiphon::relay;

// What clients have to take their last answers.
constexpr milliseconds time_to_flush{1000};

asio::steady_timer never(const asio::any_io_executor& executor) {
  return asio::steady_timer(executor, asio::steady_timer::time_point::max());
}

std::string described(const listen_config& one) {
  switch (one.over) {
    case listen_config::kind::stdio: return "stdio";
    case listen_config::kind::unix_socket: return "unix:" + one.address;
    case listen_config::kind::tcp: return "tcp:" + one.address;
  }
  return "nowhere";
}

}  // namespace

void say(std::string_view what) { antiphon::write_to_stderr(fmt::format("antiphon relay: {}\n", what)); }

relay_program::relay_program(asio::any_io_executor executor, relay_config config, std::string path)
    : executor_(std::move(executor)),
      config_(std::move(config)),
      path_(std::move(path)),
      hub_(config_.routing),
      topics_(executor_, config_.topic_limits),
      hang_up_(executor_, SIGHUP),
      stopped_(never(executor_)),
      no_clients_(never(executor_)),
      keeper_(executor_,
              [](std::string_view name, std::string_view what) { say(fmt::format("{}: {}", name, what)); }) {
  if (config_.share) shared_.emplace(config_.targets.front().name);
}

asio::awaitable<void> relay_program::run() {
  auto opening = open_places();
  co_await std::move(opening);
  for (const target_config& target : config_.targets) add(target);
  const auto self = shared_from_this();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].config->over == listen_config::kind::stdio) {
      asio::co_spawn(executor_, serve_stdio(places_[i].options),
                     [self](const std::exception_ptr&) { self->stdio_ended(); });
    } else {
      asio::co_spawn(executor_, accept(i), [self](const std::exception_ptr&) {});
    }
  }
  asio::co_spawn(executor_, reload_on_signal(), [self](const std::exception_ptr&) {});
  auto waiting = wait_until_stopped();
  co_await std::move(waiting);
  co_await asio::this_coro::reset_cancellation_state();
  auto ending = shut_down();
  co_await std::move(ending);
}

asio::awaitable<void> relay_program::open_places() {
  for (const listen_config& one : config_.listen) {
    antiphon::endpoint_options options;
    options.framing = framing_of(one.framing);
    options.check = config_.check;
    auto shared = std::make_shared<const antiphon::endpoint_options>(std::move(options));
    antiphon::listen_options bounds;
    bounds.max_connections = one.max_connections;
    antiphon::listener at;
    if (one.over == listen_config::kind::unix_socket) {
      auto listening = antiphon::listen_unix(one.address, bounds);
      at = co_await std::move(listening);
    } else if (one.over == listen_config::kind::tcp) {
      auto listening = antiphon::listen_tcp(one.address, one.port, bounds);
      at = co_await std::move(listening);
    }
    if (one.over != listen_config::kind::stdio)
      say(fmt::format("listening on {}",
                      one.over == listen_config::kind::tcp ? "tcp:" + at.address() : described(one)));
    places_.push_back(place{&one, std::move(shared), std::move(at)});
  }
}

relay::process_options relay_program::options_of(const target_config& target) {
  relay::process_options made;
  made.restart = target.restart;
  made.health = target.health;
  made.health_method = target.health_method;
  antiphon::endpoint_options options;
  options.framing = framing_of(target.framing);
  options.check = config_.check;
  made.endpoint = std::make_shared<const antiphon::endpoint_options>(std::move(options));
  if (shared_) {
    made.routes = [this] { return shared_->server_routes(); };
    made.on_end = [this](const std::string& reason) { shared_->end(reason); };
    return made;
  }
  made.routes = [this, name = target.name] {
    relay::target* const origin = hub_.find(name);
    antiphon::router routes = origin == nullptr ? antiphon::router() : hub_.target_routes(*origin);
    if (config_.topics) relay::serve_topics(routes, topics_, *config_.topics);
    return routes;
  };
  return made;
}

void relay_program::add(const target_config& target) {
  relay::target& made = shared_ ? shared_->server() : hub_.add(target.name, target.permits);
  keeper_.add(made, command_of(target), options_of(target));
}

asio::awaitable<void> relay_program::accept(std::size_t number) {
  const auto self = shared_from_this();
  for (;;) {
    auto accepting = places_[number].at.accept();
    auto over = co_await std::move(accepting);
    asio::co_spawn(executor_, serve_client(std::move(over), places_[number].options),
                   [self](const std::exception_ptr&) {});
  }
}

asio::awaitable<void> relay_program::serve_stdio(std::shared_ptr<const antiphon::endpoint_options> options) {
  auto opening = antiphon::open_stdio();
  auto over = co_await std::move(opening);
  auto serving = serve_client(std::move(over), std::move(options));
  co_await std::move(serving);
}

asio::awaitable<void> relay_program::serve_client(antiphon::transport_ptr over,
                                                  std::shared_ptr<const antiphon::endpoint_options> options) {
  const auto self = shared_from_this();
  if (stopping_) co_return;
  antiphon::endpoint client(std::move(over), client_routes(), std::move(options));
  relay::membership joined;
  relay::shared_client seat;
  if (shared_) {
    seat = shared_->join(client);
  } else {
    joined = hub_.join(client);
  }
  const auto position = clients_.insert(clients_.end(), client);
  auto running = client.run();
  static_cast<void>(co_await std::move(running));
  clients_.erase(position);
  if (!clients_.empty()) co_return;
  no_clients_.cancel();
  if (ends_with_the_last_) stop();
}

antiphon::router relay_program::client_routes() {
  if (shared_) return shared_->client_routes();
  antiphon::router routes = hub_.client_routes();
  if (config_.topics) relay::serve_topics(routes, topics_, *config_.topics);
  if (!config_.statistics_method.empty())
    routes.on_request(config_.statistics_method,
                      [weak = weak_from_this()](antiphon::call_context&) -> relay_report {
                        const auto self = weak.lock();
                        if (!self) return {};
                        return report_on(self->hub_, self->keeper_, self->topics_);
                      });
  return routes;
}

asio::awaitable<void> relay_program::reload_on_signal() {
  const auto self = shared_from_this();
  while (!stopping_) {
    co_await hang_up_.async_wait(asio::use_awaitable);
    auto reloading = reload();
    co_await std::move(reloading);
  }
}

asio::awaitable<void> relay_program::reload() {
  if (path_.empty()) co_return;
  std::optional<relay_config> next;
  try {
    next = load_relay_config(path_);
  } catch (const config_error& e) {
    say(e.what());
    say("the configuration is not changed");
  }
  if (!next) co_return;
  auto applying = apply(std::move(*next));
  co_await std::move(applying);
  if (!stopping_) say("the configuration has been read again");
}

asio::awaitable<void> relay_program::apply(relay_config next) {
  if (next.fixed != config_.fixed) say("\"listen\", \"topics\" and \"check\" take effect at the next start");
  config_.drain = next.drain;
  config_.statistics_method = std::move(next.statistics_method);
  const auto find = [](std::vector<target_config>& among, const std::string& name) {
    return std::ranges::find(among, name, &target_config::name);
  };
  // The targets of `config_` are those that there are, at each moment.
  std::vector<target_config>& now = config_.targets;
  for (std::size_t i = 0; i < now.size() && !stopping_;) {
    const auto wanted = find(next.targets, now[i].name);
    if (wanted != next.targets.end() && wanted->permits_definition == now[i].permits_definition) {
      ++i;
      continue;
    }
    const std::string name = now[i].name;
    now.erase(now.begin() + static_cast<std::ptrdiff_t>(i));
    auto dropping = drop(name);
    co_await std::move(dropping);
  }
  for (target_config& wanted : next.targets) {
    if (stopping_) co_return;
    const auto there = find(now, wanted.name);
    if (there == now.end()) {
      add(wanted);
      now.push_back(std::move(wanted));
    } else if (there->definition != wanted.definition) {
      auto replacing = keeper_.replace(wanted.name, command_of(wanted), options_of(wanted), config_.drain);
      *there = std::move(wanted);
      co_await std::move(replacing);
    }
  }
  hub_.route_by(std::move(next.routing));
}

asio::awaitable<void> relay_program::drop(std::string name) {
  auto removing = keeper_.remove(name, config_.drain);
  co_await std::move(removing);
  hub_.remove(name);
  say(fmt::format("{}: removed", name));
}

asio::awaitable<void> relay_program::wait_until_stopped() {
  error_code ignored;
  co_await stopped_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void relay_program::stop() { stopped_.cancel(); }

/// A relay belongs to whoever has started it, but a shared server also to those who have joined.
void relay_program::stdio_ended() {
  ends_with_the_last_ = true;
  if (!shared_ || clients_.empty()) stop();
}

asio::awaitable<void> relay_program::shut_down() {
  stopping_ = true;
  say("stopping");
  error_code ignored;
  hang_up_.cancel(ignored);
  for (place& one : places_) one.at.close();
  auto stopping = keeper_.stop(config_.drain);
  co_await std::move(stopping);
  for (const antiphon::peer& client : clients_) client.close(time_to_flush);
  while (!clients_.empty())
    co_await no_clients_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace antiphon_command
