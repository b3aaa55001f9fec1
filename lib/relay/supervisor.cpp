#include "lib/relay/supervised_process.hpp"

#include <antiphon/relay/supervisor.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <utility>

namespace antiphon::relay {

using std::chrono::milliseconds;

std::string_view name_of(restart_policy::state state) noexcept {
  switch (state) {
    case restart_policy::state::idle: return "stopped";
    case restart_policy::state::waiting: return "waiting";
    case restart_policy::state::starting: return "starting";
    case restart_policy::state::running: return "running";
    case restart_policy::state::hung: return "hung";
    case restart_policy::state::stopping: return "stopping";
    case restart_policy::state::ended: return "ended";
    case restart_policy::state::given_up: return "given_up";
  }
  return "unknown";
}

std::string describe(exit_status how) {
  if (how.signal != 0) return "killed by signal " + std::to_string(how.signal);
  if (how.code >= 0) return "exit code " + std::to_string(how.code);
  return "ended, nobody knows how";
}

supervisor::supervisor(asio::any_io_executor executor, event_hook on_event)
    : executor_(std::move(executor)),
      on_event_(std::move(on_event)),
      processes_(std::make_shared<registry>()) {}

supervisor::~supervisor() {
  for (const auto& [name, one] : *processes_) one->abandon();
}

void supervisor::add(target& to, command what, process_options options) {
  if (processes_->contains(to.name()))
    throw std::invalid_argument("there is a process of the name " + to.name());
  auto made = std::make_shared<process>(executor_, on_event_, to, std::move(what), std::move(options));
  processes_->emplace(to.name(), made);
  made->begin();
}

asio::awaitable<void> supervisor::remove(std::string name, milliseconds drain) {
  return remove_from(processes_, std::move(name), drain);
}

/// The supervisor may be gone before this has ended.
asio::awaitable<void> supervisor::remove_from(std::shared_ptr<registry> all, std::string name,
                                              milliseconds drain) {
  const auto found = all->find(name);
  if (found == all->end()) co_return;
  const auto one = found->second;
  auto ending = one->end(drain, false);
  co_await std::move(ending);
  const auto now = all->find(name);
  if (now != all->end() && now->second == one) all->erase(now);
  one->abandon();
}

asio::awaitable<void> supervisor::restart(std::string name, milliseconds drain) {
  const auto found = processes_->find(name);
  if (found == processes_->end()) co_return;
  const auto one = found->second;
  auto ending = one->end(drain, true);
  co_await std::move(ending);
}

asio::awaitable<void> supervisor::replace(std::string name, command what, process_options options,
                                          milliseconds drain) {
  const auto found = processes_->find(name);
  if (found == processes_->end()) co_return;
  const auto one = found->second;
  one->become(std::move(what), std::move(options));
  auto ending = one->end(drain, true);
  co_await std::move(ending);
}

asio::awaitable<void> supervisor::stop(milliseconds drain) {
  std::vector<std::string> names;
  for (const auto& [name, one] : *processes_) names.push_back(name);
  struct joined {
    explicit joined(const asio::any_io_executor& on) : all(on, asio::steady_timer::time_point::max()) {}
    std::size_t left = 0;
    asio::steady_timer all;
  };
  const auto join = std::make_shared<joined>(executor_);
  join->left = names.size();
  for (const std::string& name : names) {
    asio::co_spawn(executor_, remove_from(processes_, name, drain), [join](const std::exception_ptr&) {
      if (--join->left == 0) join->all.cancel();
    });
  }
  while (join->left > 0) {
    error_code ignored;
    co_await join->all.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

std::optional<process_stats> supervisor::stats(std::string_view name) const {
  const auto found = processes_->find(name);
  if (found == processes_->end()) return std::nullopt;
  return found->second->stats();
}

std::vector<process_stats> supervisor::stats() const {
  std::vector<process_stats> all;
  for (const auto& [name, one] : *processes_) all.push_back(one->stats());
  return all;
}

}  // namespace antiphon::relay
