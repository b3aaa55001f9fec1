#include "lib/relay/target_core.hpp"

#include <antiphon/relay/target.hpp>

namespace antiphon::relay {

namespace detail {

std::shared_ptr<core::connection> connection_of(const antiphon::peer& handle) {
  struct access : antiphon::peer {
    static const std::shared_ptr<core::connection>& of(const antiphon::peer& p) {
      return p.*(&access::connection_);
    }
  };
  return access::of(handle);
}

}  // namespace detail

target::target(std::string name, target_options options)
    : core_(std::make_shared<detail::target_core>(std::move(name), std::move(options))) {}
target::~target() { core_->detach("it was removed", false); }

const std::string& target::name() const noexcept { return core_->name(); }
const target_options& target::options() const noexcept { return core_->options(); }
target_state target::state() const noexcept { return core_->state(); }
void target::starting() { core_->starting(); }
void target::attach(antiphon::peer through) { core_->attach(detail::connection_of(through)); }
void target::detach(std::string reason, bool restarting) { core_->detach(std::move(reason), restarting); }
antiphon::peer target::peer() const { return antiphon::peer(core_->through()); }
asio::awaitable<bool> target::drain(std::chrono::milliseconds limit) { return core_->drain(core_, limit); }
void target::resume() { core_->resume(); }
target_stats target::stats() const { return core_->stats(); }

}  // namespace antiphon::relay
