#include "lib/params_member.hpp"
#include "lib/relay/passing_route.hpp"
#include "lib/relay/target_core.hpp"

#include <antiphon/relay/broker.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

namespace antiphon::relay {

namespace detail {

class broker_core {
 public:
  explicit broker_core(broker_options options) : options_(std::move(options)) {}

  target& add(std::string name, target_options options) {
    if (find(name) != nullptr)
      throw std::invalid_argument("antiphon: there is a target " + name + " already");
    auto made = std::make_unique<target>(name, std::move(options));
    return *targets_.emplace(std::move(name), std::move(made)).first->second;
  }
  void remove(std::string_view name) {
    const auto found = targets_.find(name);
    if (found == targets_.end()) return;
    const auto gone = std::move(found->second);
    targets_.erase(found);
  }
  void remove_all() noexcept {
    targets_.clear();
    clients_.clear();
    options_.choose = nullptr;
  }
  target* find(std::string_view name) const noexcept {
    const auto found = targets_.find(name);
    return found == targets_.end() ? nullptr : found->second.get();
  }

  void route_by(broker_options options) { options_ = std::move(options); }

  void join(std::shared_ptr<target> client) { clients_.push_back(std::move(client)); }
  void leave(const target* client) noexcept {
    std::erase_if(clients_, [client](const auto& one) { return one.get() == client; });
  }

  /// Where a message goes, and what it asks for there.
  struct destination {
    target* to = nullptr;
    std::string_view method;
    std::string unknown;  // the name, as JSON, of a target that there isn't
  };
  destination find_for(const core::record& call) const {
    if (options_.choose) {
      const choice chosen = options_.choose(call);
      if (chosen.to != nullptr) return {chosen.to, chosen.method.empty() ? call.method() : chosen.method, {}};
    }
    const std::string_view method = call.method();
    destination found{nullptr, method, {}};
    if (!options_.prefix_separator.empty()) {
      const auto end = method.find(options_.prefix_separator);
      if (end != std::string_view::npos) found.to = find(method.substr(0, end));
      if (found.to != nullptr) {
        if (options_.strip_prefix) found.method = method.substr(end + options_.prefix_separator.size());
        return found;
      }
    }
    if (!options_.target_member.empty()) find_by_member(call, found);
    if (found.to == nullptr && found.unknown.empty()) found.to = find(options_.otherwise);
    return found;
  }

  void request(core::record& call, const target* origin) {
    const destination there = find_for(call);
    if (there.to != nullptr) return pass(call, *there.to, there.method);
    core::connection& from = *call.connection_;
    if (!there.unknown.empty()) {
      ++stats_.unknown_target;
      return from.fail_forwarded(call, static_cast<int>(relay_errc::unknown_target),
                                 fmt::format("no target {}", there.unknown),
                                 fmt::format(R"({{"target":{}}})", there.unknown));
    }
    if (origin != nullptr && clients_.size() == 1) return pass(call, *clients_.front(), call.method());
    ++stats_.without_target;
    from.fail_forwarded(call, static_cast<int>(rpc_errc::method_not_found),
                        "method not found, and no target named", {});
  }

  void notification(core::record& call, const target* origin) {
    const destination there = find_for(call);
    core::connection& from = *call.connection_;
    if (there.to != nullptr) {
      there.to->core()->pass_notification(from, there.method, {&call.params_, 1});
    } else if (origin != nullptr && there.unknown.empty() && !clients_.empty()) {
      for (const auto& client : clients_)
        client->core()->pass_notification(from, call.method(), {&call.params_, 1});
    } else {
      ++stats_.notifications_dropped;
    }
  }

  broker_stats stats() const {
    broker_stats now = stats_;
    now.clients = clients_.size();
    return now;
  }

 private:
  static void pass(core::record& call, target& to, std::string_view method) {
    to.core()->pass_request(call, method, {&call.params_, 1});
  }
  void find_by_member(const core::record& call, destination& found) const {
    const std::string_view text = core::params_member(call.params_.bytes(), options_.target_member);
    if (text.empty() || text.front() != '"') return;
    if (text.find('\\') == std::string_view::npos) {
      found.to = find(text.substr(1, text.size() - 2));
    } else {
      found.to = find(raw_json(text).decode<std::string>());
    }
    if (found.to == nullptr) found.unknown = text;
  }

  broker_options options_;
  std::map<std::string, std::unique_ptr<target>, std::less<>> targets_;
  std::vector<std::shared_ptr<target>> clients_;
  broker_stats stats_;
};

namespace {

/// What one side sends: clients, or the server behind one target.
class side {
 public:
  side(std::shared_ptr<broker_core> home, const target* origin) : home_(std::move(home)), origin_(origin) {}
  void request(core::record& call) { home_->request(call, origin_); }
  void notification(core::record& call) { home_->notification(call, origin_); }

 private:
  std::shared_ptr<broker_core> home_;
  const target* origin_;  // only told from null
};

}  // namespace

}  // namespace detail

membership::membership(std::shared_ptr<detail::broker_core> home, std::shared_ptr<target> client) noexcept
    : home_(std::move(home)), client_(std::move(client)) {}

membership& membership::operator=(membership&& other) noexcept {
  if (this != &other) {
    leave();
    home_ = std::move(other.home_);
    client_ = std::move(other.client_);
  }
  return *this;
}

membership::~membership() { leave(); }

void membership::leave() noexcept {
  if (home_ != nullptr && client_ != nullptr) {
    home_->leave(client_.get());
    client_->detach("it has left");
  }
  home_ = nullptr;
  client_ = nullptr;
}

broker::broker(broker_options options) : core_(std::make_shared<detail::broker_core>(std::move(options))) {}
broker::~broker() { core_->remove_all(); }

target& broker::add(std::string name, target_options options) {
  return core_->add(std::move(name), std::move(options));
}
void broker::remove(std::string_view name) { core_->remove(name); }
target* broker::find(std::string_view name) const noexcept { return core_->find(name); }

router broker::client_routes() const {
  return detail::pass_all_to(std::make_shared<detail::side>(core_, nullptr));
}
router broker::target_routes(target& origin) const {
  return detail::pass_all_to(std::make_shared<detail::side>(core_, &origin));
}

membership broker::join(antiphon::peer client, target_options options) {
  auto made = std::make_shared<target>("client", std::move(options));
  made->attach(std::move(client));
  core_->join(made);
  return membership(core_, std::move(made));
}

void broker::route_by(broker_options options) { core_->route_by(std::move(options)); }

broker_stats broker::stats() const { return core_->stats(); }

}  // namespace antiphon::relay
