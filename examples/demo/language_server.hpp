#pragma once

#include "protocol.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace demo {

namespace asio = boost::asio;

/// What a server has to say about a document (textDocument/publishDiagnostics).
struct published_diagnostic {
  json_ls::text_range range;
  std::optional<int> severity;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(published_diagnostic, (), (range, severity, message))

struct published_diagnostics {
  std::string uri;
  std::vector<published_diagnostic> diagnostics;
};
BOOST_DESCRIBE_STRUCT(published_diagnostics, (), (uri, diagnostics))

/// A language server as a child process, and how long what it does takes. Anything that goes wrong, and
/// anything that takes half a minute, is thrown.
class language_server {
 public:
  using clock = std::chrono::steady_clock;
  using body = std::function<asio::awaitable<void>(language_server&)>;

  explicit language_server(asio::any_io_executor executor) : diagnostics_came_(executor), ended_(executor) {}

  /// Starts `program`, runs `talk` with it, and waits for its end.
  /// @throws std::runtime_error when it ends otherwise than by exit code 0
  asio::awaitable<void> run(antiphon::command program, body talk);

  /// Sends a request; its time is `took()` then.
  template <class R, class... Params>
  asio::awaitable<R> ask(std::string_view method, const Params&... params) {
    return timed<R>(endpoint_->call<R>(antiphon::call_options(patience), method, params...));
  }
  /// Sends a notification.
  template <class... Params>
  asio::awaitable<void> tell(std::string_view method, const Params&... params) {
    told_ = clock::now();
    return endpoint_->notify(method, params...);
  }
  /// The next diagnostics that it publishes; `took()` is the time since what was told it last.
  asio::awaitable<published_diagnostics> next_diagnostics();

  clock::duration took() const { return took_; }
  antiphon::endpoint& endpoint() { return *endpoint_; }

 private:
  static constexpr std::chrono::seconds patience{30};

  antiphon::router routes();
  asio::awaitable<void> wait_for_exit();

  template <class R>
  asio::awaitable<R> timed(asio::awaitable<R> call) {
    const auto start = clock::now();
    R result = co_await std::move(call);
    took_ = clock::now() - start;
    co_return result;
  }

  antiphon::endpoint* endpoint_ = nullptr;
  std::deque<std::pair<clock::time_point, published_diagnostics>> inbox_;
  asio::steady_timer diagnostics_came_;
  std::optional<antiphon::exit_status> exit_;
  asio::steady_timer ended_;
  clock::time_point told_{};
  clock::duration took_{};
};

}  // namespace demo
