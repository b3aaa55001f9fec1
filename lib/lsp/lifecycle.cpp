#include <antiphon/lsp/lifecycle.hpp>
#include <antiphon/middleware.hpp>

namespace antiphon::lsp {

namespace {

constexpr std::chrono::milliseconds exit_drain{1'000};

}  // namespace

struct lifecycle::state final : middleware {
  explicit state(lifecycle::start how)
      : initialized(how == lifecycle::start::anything_goes), once(!initialized) {}

  unsigned hooks() const noexcept override { return on_received; }

  void received(const message_event& message) override {
    const bool is_notification = message.kind() == message_kind::notification;
    if (is_notification || message.kind() == message_kind::request) check(message.method(), is_notification);
  }

  void check(std::string_view method, bool is_notification) {
    if (method == "exit" && is_notification) return;
    if (shut_down && !is_notification)
      throw rpc_error(rpc_errc::invalid_request, "the server is shutting down");
    if (method == "initialize" && once && !is_notification) {
      if (initialized) throw rpc_error(rpc_errc::invalid_request, "initialize may be sent once only");
      initialized = true;
    }
    if (!initialized) throw rpc_error(rpc_errc::server_not_initialized);
  }

  bool initialized;
  bool once;
  bool shut_down = false;
  bool exited = false;
  std::function<void(bool)> hook;
};

lifecycle::lifecycle(start how) : state_(std::make_shared<state>(how)) {}

void lifecycle::attach(router& routes) {
  // Both are handled when they are read: neither waits for what is running.
  const route_options at_once(order::immediate);
  auto shared = state_;
  routes.on_request("shutdown", [shared]() { shared->shut_down = true; }, {}, at_once);
  routes.on_notification(
      "exit",
      [shared](call_context& call) {
        shared->exited = true;
        call.peer().close(exit_drain);
        if (shared->hook) shared->hook(shared->shut_down);
      },
      {}, at_once);
  routes.use(std::move(shared));
}

void lifecycle::on_exit(std::function<void(bool)> hook) { state_->hook = std::move(hook); }
bool lifecycle::shutdown_requested() const noexcept { return state_->shut_down; }
bool lifecycle::exit_received() const noexcept { return state_->exited; }

int lifecycle::exit_code(const ended& how) const noexcept {
  if (state_->exited) return state_->shut_down ? 0 : 1;
  return how.exit_code();
}

}  // namespace antiphon::lsp
