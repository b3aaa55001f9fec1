// antiphon inside a program that has long had its own io_context, threads, callbacks and signals.
//
//     antiphon-in-asio-program /tmp/control.sock       ticks, until SIGTERM, Ctrl-C or "stop"
//
// The program is a ticker, written with callbacks. What is new is its control socket, over which it is asked
// for its `state`, told its `interval` in milliseconds and to `stop`. What to look at:
//
//   - no run_main: the io_context, the threads and the signals stay the program's own;
//   - an endpoint wants a serial executor, and two threads run this io_context: hence a strand;
//   - one cancellation ends the control part in order: the socket's file is gone, what was asked is answered;
//   - in main, a call from the world of callbacks: `co_spawn` takes any completion handler.

#include <antiphon/antiphon.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <fmt/core.h>

#include <csignal>
#include <thread>

namespace asio = boost::asio;
using boost::system::error_code;
using strand = asio::strand<asio::io_context::executor_type>;

struct ticker_state {
  std::int64_t ticks = 0;
  int interval = 100;
};
BOOST_DESCRIBE_STRUCT(ticker_state, (), (ticks, interval))

/// What the program did before. Everything of it happens on its strand.
class ticker {
 public:
  explicit ticker(const strand& where) : timer_(where) { wait(); }
  ticker_state state() const { return state_; }
  void interval(int milliseconds) {
    state_.interval = milliseconds;
    wait();
  }
  void stop() {
    stopped_ = true;
    timer_.cancel();
  }

 private:
  void wait() {
    timer_.expires_after(std::chrono::milliseconds(state_.interval));
    timer_.async_wait([this](error_code cancelled) {
      if (cancelled || stopped_) return;
      ++state_.ticks;
      wait();
    });
  }

  asio::steady_timer timer_;
  ticker_state state_;
  bool stopped_ = false;
};

/// What is new.
asio::awaitable<void> control(std::string path, ticker& what, std::function<void()> stop) {
  const auto make_routes = [&what, stop] {
    antiphon::router routes;
    routes.on_request("state", [&what] { return what.state(); });
    routes.on_request("interval",
                      [&what](int milliseconds) {
                        if (milliseconds < 1)
                          throw antiphon::rpc_error(antiphon::rpc_errc::invalid_params, "at least 1");
                        what.interval(milliseconds);
                      },
                      {"milliseconds"});
    routes.on_request("stop", [stop](antiphon::call_context& call) -> asio::awaitable<void> {
      auto answering = call.answer("stopping");
      co_await std::move(answering);  // the answer is out
      stop();
    });
    return routes;
  };
  auto opening = antiphon::listen_unix(path);
  antiphon::listener socket = co_await std::move(opening);
  auto serving = antiphon::serve(socket, make_routes);
  co_await std::move(serving);
}

int main(int argc, char** argv) {
  if (argc != 2) {
    antiphon::write_to_stderr("usage: antiphon-in-asio-program SOCKET\n");
    return 2;
  }
  asio::io_context context;
  const strand serial = asio::make_strand(context);
  ticker ticks(serial);
  asio::signal_set signals(serial, SIGINT, SIGTERM);
  asio::cancellation_signal end_control;
  int code = 0;

  const auto stop = [&] {  // on the strand
    signals.cancel();
    ticks.stop();
    end_control.emit(asio::cancellation_type::all);
  };
  signals.async_wait([&](error_code cancelled, int) {
    if (!cancelled) stop();
  });
  // Not at once: `stop` runs in a handler, which the cancellation ends.
  const auto stop_soon = [&, stop] { asio::post(serial, stop); };
  const auto ended = [&](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const boost::system::system_error& e) {
      if (e.code() == asio::error::operation_aborted) return;  // that was us
      antiphon::write_to_stderr(fmt::format("error: {}\n", e.what()));
      code = 1;
      stop();
    }
  };
  asio::co_spawn(serial, control(argv[1], ticks, stop_soon),
                 asio::bind_cancellation_slot(end_control.slot(), ended));

  std::jthread second([&context] { context.run(); });
  context.run();  // until nothing is left to do
  second.join();
  fmt::print("{} ticks\n", ticks.state().ticks);
  return code;
}
