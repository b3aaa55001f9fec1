#include "language_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <stdexcept>

namespace demo {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

asio::awaitable<void> language_server::run(antiphon::command program, body talk) {
  const std::string name = program.program();
  program.stderr_to(antiphon::command::stderr_target::discard).on_exit([this](antiphon::exit_status how) {
    exit_ = how;
    ended_.cancel();
  });
  auto spawning = antiphon::spawn(std::move(program));
  auto transport = co_await std::move(spawning);
  {
    antiphon::endpoint endpoint(std::move(transport), routes());
    endpoint_ = &endpoint;
    auto running = endpoint.run([this, &talk](antiphon::endpoint&) { return talk(*this); });
    co_await std::move(running);
    endpoint_ = nullptr;
  }
  auto ending = wait_for_exit();
  co_await std::move(ending);
  if (!exit_) throw std::runtime_error(name + " does not end");
  if (!exit_->success()) {
    throw std::runtime_error(
        fmt::format("{} ended with code {}, signal {}", name, exit_->code, exit_->signal));
  }
}

antiphon::router language_server::routes() {
  antiphon::router routes;
  routes.on_notification("textDocument/publishDiagnostics", [this](published_diagnostics diagnostics) {
    inbox_.emplace_back(clock::now(), std::move(diagnostics));
    diagnostics_came_.cancel();
  });
  return routes;
}

asio::awaitable<published_diagnostics> language_server::next_diagnostics() {
  if (inbox_.empty()) {
    diagnostics_came_.expires_after(patience);
    auto waiting = diagnostics_came_.async_wait(as_result);
    co_await std::move(waiting);
  }
  if (inbox_.empty()) throw std::runtime_error("no diagnostics came");
  took_ = inbox_.front().first - told_;
  published_diagnostics diagnostics = std::move(inbox_.front().second);
  inbox_.pop_front();
  co_return diagnostics;
}

asio::awaitable<void> language_server::wait_for_exit() {
  if (exit_) co_return;
  ended_.expires_after(patience);
  auto waiting = ended_.async_wait(as_result);
  co_await std::move(waiting);
}

}  // namespace demo
