#pragma once

#include <antiphon/transport/transport.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace antiphon {

/// Options of `make_memory_pipe`.
struct memory_pipe_options {
  // Provided by hand: g++ 12 destroys aggregate temporaries twice when they stand beside a co_await.
  memory_pipe_options() noexcept {}

  /// How many bytes each direction holds before `send` waits; at least 1.
  std::size_t capacity = 64 * 1024;
  /// Where receive buffers come from; null means the program's shared pool.
  std::shared_ptr<buffer_source> buffers;
};

/// Two connected transports in memory, for tests and for peers in one process.
///
/// What one sends the other receives. As with sockets: after `shutdown_send` or `close` the other side reads
/// what is left, then the end of input; sending to a closed side is `asio::error::broken_pipe`. The other
/// side is always woken through its executor, never from inside a call.
std::pair<transport_ptr, transport_ptr> make_memory_pipe(asio::any_io_executor executor,
                                                         memory_pipe_options options = memory_pipe_options());

/// The same with an executor for each side; they may run on different threads.
std::pair<transport_ptr, transport_ptr> make_memory_pipe(asio::any_io_executor first,
                                                         asio::any_io_executor second,
                                                         memory_pipe_options options = memory_pipe_options());

}  // namespace antiphon
