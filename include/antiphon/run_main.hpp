#pragma once

#include <antiphon/endpoint_options.hpp>

#include <boost/asio/awaitable.hpp>

#include <string_view>

namespace antiphon {

/// Runs a program's main coroutine on an io_context of its own until it ends; for use as
/// `int main() { return antiphon::run_main(serve()); }`.
///
/// SIGINT and SIGTERM cancel the coroutine: an endpoint's `run` then closes in order and returns, `accept`
/// and timers end with `operation_aborted`. Once cancelled, the coroutine's next `co_await` throws that too:
/// to await something on the way out it first awaits `asio::this_coro::reset_cancellation_state()`. A second
/// such signal stops at once. What the coroutine leaves running (detached coroutines, child processes that
/// are being stopped) has two seconds to end.
/// What made a connection end badly, `ended::error`, is printed to standard error, also where it is no
/// failure of the program's: input that stops inside a message. Of a connection that was lost nothing is
/// said.
/// @return what the coroutine returns (`ended` by its `exit_code`, void as 0); 0 when it ended by a signal's
///         cancellation; 1 when it threw, after printing the exception's text to standard error
int run_main(boost::asio::awaitable<int> main);
int run_main(boost::asio::awaitable<ended> main);
int run_main(boost::asio::awaitable<void> main);

/// Writes a line or two to standard error if that takes them at once: a server must neither wait for whoever
/// should read its log, nor be killed by SIGPIPE when nobody does. Cut off after 4096 bytes.
void write_to_stderr(std::string_view text) noexcept;

}  // namespace antiphon
