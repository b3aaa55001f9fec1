#include <antiphon/run_main.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>

namespace antiphon {

namespace asio = boost::asio;

namespace {

int report(const std::exception_ptr& failure, bool signalled) {
  try {
    std::rethrow_exception(failure);
  } catch (const boost::system::system_error& e) {
    if (signalled && e.code() == asio::error::operation_aborted) return 0;
    std::fprintf(stderr, "error: %s\n", e.what());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
  } catch (...) {
    std::fputs("error: unknown exception\n", stderr);
  }
  return 1;
}

asio::awaitable<int> to_code(asio::awaitable<ended> main) {
  const ended how = co_await std::move(main);
  co_return how.exit_code();
}

asio::awaitable<int> to_code(asio::awaitable<void> main) {
  co_await std::move(main);
  co_return 0;
}

}  // namespace

int run_main(asio::awaitable<int> main) {
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
                   signals.cancel();
                 }));
  context.run();
  return code.value_or(1);
}

int run_main(asio::awaitable<ended> main) { return run_main(to_code(std::move(main))); }
int run_main(asio::awaitable<void> main) { return run_main(to_code(std::move(main))); }

}  // namespace antiphon
