#include "transport/fail.hpp"
#include "transport/posix_descriptor.hpp"
#include "transport/posix_pidfd.hpp"

#include <antiphon/transport/process_end.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <string>

namespace antiphon {

asio::awaitable<void> when_process_ends(int pid) {
  const auto executor = co_await asio::this_coro::executor;
  const std::string what = "process " + std::to_string(pid);
  posix::unique_fd opened = posix::open_pidfd(pid);
  if (!opened) fail(posix::last_error(), what);
  asio::posix::stream_descriptor process(executor);
  posix::hand_over(posix::above_standard(std::move(opened)), process);
  auto waiting = process.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::deferred));
  const auto done = co_await std::move(waiting);
  if (std::get<0>(done)) fail(std::get<0>(done), what);
}

}  // namespace antiphon
