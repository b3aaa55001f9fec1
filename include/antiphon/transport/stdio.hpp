#pragma once

#include <antiphon/transport/transport.hpp>

#include <memory>

namespace antiphon {

/// How `open_stdio` treats the descriptors of the process.
struct stdio_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  stdio_options() noexcept {}

  /// The descriptors to take over.
  int input = 0;
  int output = 1;
  /// Moves the protocol to private descriptors that children don't inherit, puts /dev/null in the place of
  /// standard input and a copy of standard error in the place of standard output, so that a stray `printf`
  /// can't corrupt the protocol. Where standard error is the same pipe or socket as standard output,
  /// /dev/null takes its place. When off, the original descriptors stay open, so the peer sees the end of our
  /// output only when the process ends.
  bool protect_stdout = true;
  /// Where receive buffers come from; null means the program's shared pool.
  std::shared_ptr<buffer_source> buffers;
};

/// Opens standard input and output as a transport. Once a process; a second call finds what the first left.
///
/// They may be pipes, sockets, terminals, regular files or /dev/null, in any mixture. O_NONBLOCK is never set
/// on a descriptor that another process shares: pipes and terminals are opened anew through /proc, sockets
/// are used with MSG_DONTWAIT, files block as files do, and where opening anew is refused the descriptor is
/// asked with poll before each call and written in pieces of at most PIPE_BUF. SIGPIPE is ignored from here
/// on in the whole process if its disposition was the default one (a pipe has no MSG_NOSIGNAL, and masking
/// the signal around each write would double the system calls).
///
/// `receive_into` fails with `asio::error::broken_pipe` when it would have to wait although nobody can read
/// our output any more. Standard error is never written to.
/// @throws boost::system::system_error when a descriptor is closed or open in the wrong direction
asio::awaitable<transport_ptr> open_stdio(stdio_options options = stdio_options());

}  // namespace antiphon
