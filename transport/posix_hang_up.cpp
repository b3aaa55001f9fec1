#include "transport/posix_hang_up.hpp"

#include "transport/posix_descriptor.hpp"
#include "transport/posix_epoll.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <sys/epoll.h>

#include <array>

namespace antiphon::posix {

hang_up_watch::hang_up_watch(const asio::any_io_executor& executor, int in, int out)
    : in_(in), out_(out), epoll_(executor) {
  unique_fd made = make_epoll();
  // Whatever it says: a regular file has nobody at its other end.
  add_to_epoll(made, in, EPOLLRDHUP);
  if (out != in) add_to_epoll(made, out, 0);
  hand_over(std::move(made), epoll_);
}

asio::awaitable<hang_up> hang_up_watch::wait(bool input_has_ended) {
  if (input_has_ended) ignore_end_of_input();
  for (;;) {
    const hang_up seen = look();
    if (seen != hang_up::unknown) co_return seen;
    const auto done =
        co_await epoll_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::deferred));
    if (std::get<0>(done)) co_return hang_up::unknown;
  }
}

hang_up hang_up_watch::look() noexcept {
  std::array<epoll_event, 2> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  bool ended = false;
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if ((event.events & EPOLLERR) != 0) return hang_up::broken;
    if (event.data.fd != in_) return hang_up::broken;
    // Of a socket for both directions it means both; of one that is only read from, that nobody writes to it.
    if ((event.events & EPOLLHUP) != 0 && in_ == out_) return hang_up::broken;
    ended = true;
  }
  if (!ended || input_ended_) return hang_up::unknown;
  ignore_end_of_input();
  return hang_up::input_ended;
}

// Or it would be reported for ever.
void hang_up_watch::ignore_end_of_input() noexcept {
  input_ended_ = true;
  epoll_event interest{};
  interest.data.fd = in_;
  // A socket goes on to be watched for its other direction; of a pipe there is nothing left to see.
  const int operation = in_ == out_ ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
  ::epoll_ctl(epoll_.native_handle(), operation, in_, &interest);
}

void hang_up_watch::close() noexcept { posix::close(epoll_); }

}  // namespace antiphon::posix
