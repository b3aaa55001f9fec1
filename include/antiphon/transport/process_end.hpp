#pragma once

#include <boost/asio/awaitable.hpp>

namespace antiphon {

namespace asio = boost::asio;

/// Waits until a process has ended, anybody's: a parent, or a client that says who it is.
///
/// LSP 3.17 wants a server to end with the process that `initialize` names in `processId`. The kernel reports
/// the end (a pidfd); nothing is polled, and nothing is reaped. A process that has ended and that its parent
/// hasn't reaped yet counts as ended.
///
/// A process id is used again some time after its process has been reaped, so ask early.
/// @param pid of the process, as this process sees it
/// @throws boost::system::system_error at once, with `boost::system::errc::no_such_process` when there is no
///         such process (any more), `invalid_argument` when the number can't be one;
///         `asio::error::operation_aborted` when the waiting is cancelled
asio::awaitable<void> when_process_ends(int pid);

}  // namespace antiphon
