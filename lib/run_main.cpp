#include <antiphon/run_main.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <optional>
#include <string>

namespace antiphon {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds time_for_the_rest{2};

int report(const std::exception_ptr& failure, bool signalled) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    if (signalled && e.code() == asio::error::operation_aborted) return 0;
    write_to_stderr(std::string("error: ") + e.what() + "\n");
  } catch (const std::exception& e) {
    write_to_stderr(std::string("error: ") + e.what() + "\n");
  } catch (...) {
    write_to_stderr("error: unknown exception\n");
  }
  return 1;
}

asio::awaitable<int> to_code(asio::awaitable<ended> main) {
  const ended how = co_await std::move(main);
  // Of a peer that is gone its own end tells.
  if (how.error && how.reason != end_reason::connection_lost)
    write_to_stderr("error: " + how.error.message() + "\n");
  co_return how.exit_code();
}

asio::awaitable<int> to_code(asio::awaitable<void> main) {
  co_await std::move(main);
  co_return 0;
}

}  // namespace

int run_main(asio::awaitable<int> main) try {
  asio::io_context context(1);
  asio::cancellation_signal stop;
  asio::signal_set signals(context, SIGINT, SIGTERM);
  bool signalled = false;
  std::optional<int> code;

  const auto wait_signal = [&](auto& again) -> void {
    signals.async_wait([&](boost::system::error_code error, int) {
      if (error || code) return;
      if (std::exchange(signalled, true)) {
        context.stop();
        return;
      }
      again(again);
      stop.emit(asio::cancellation_type::all);
    });
  };
  wait_signal(wait_signal);

  asio::co_spawn(context, std::move(main),
                 asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr failure, int result) {
                   code = failure ? report(failure, signalled) : result;
                   // From here on they do what they do by default.
                   signals.clear();
                   signals.cancel();
                   context.stop();
                 }));
  context.run();
  if (!code) return 1;
  context.restart();
  context.run_for(time_for_the_rest);
  return *code;
} catch (...) {  // no descriptors for the context
  return report(std::current_exception(), false);
}

int run_main(asio::awaitable<ended> main) { return run_main(to_code(std::move(main))); }
int run_main(asio::awaitable<void> main) { return run_main(to_code(std::move(main))); }

}  // namespace antiphon
