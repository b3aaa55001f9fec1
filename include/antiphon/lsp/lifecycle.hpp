#pragma once

#include <antiphon/endpoint_options.hpp>
#include <antiphon/router.hpp>

#include <functional>
#include <memory>

namespace antiphon::lsp {

/// The life cycle of a language server on one connection: `initialize`, `shutdown`, `exit` (LSP 3.17, "Server
/// lifecycle").
///
///     antiphon::lsp::lifecycle life;
///     life.attach(routes);
///     ...
///     auto how = co_await peer.run();
///     co_return life.exit_code(how);
///
/// Requests after `shutdown` are refused with -32600. `exit` closes the connection, whatever is running: its
/// handlers have a second to end. Copies share their state.
class lifecycle {
 public:
  enum class start {
    anything_goes,     ///< requests are served from the first one on
    initialize_first,  ///< requests before `initialize` get -32002, notifications are dropped; a second
                       ///< `initialize` gets -32600
  };

  explicit lifecycle(start how = start::initialize_first);

  /// Registers `shutdown` and `exit`, and installs the middleware that guards the other methods.
  void attach(router& routes);
  /// Called when `exit` arrives, after the connection was told to close, with whether `shutdown` came before
  /// it.
  void on_exit(std::function<void(bool shut_down)> hook);

  bool shutdown_requested() const noexcept;
  bool exit_received() const noexcept;
  /// What the process exits with: 0 or 1 after `exit`, depending on `shutdown` before it; otherwise as the
  /// connection ended.
  int exit_code(const ended& how) const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace antiphon::lsp
