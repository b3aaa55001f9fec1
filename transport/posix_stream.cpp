#include "transport/posix_stream.hpp"

#include "transport/fail.hpp"
#include "transport/posix_socket.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>

#include <chrono>
#include <utility>

namespace antiphon::posix {
namespace {

std::shared_ptr<buffer_source> or_shared(std::shared_ptr<buffer_source> buffers) {
  if (buffers == nullptr) return shared_buffer_pool();
  return buffers;
}

bool is_tcp(int fd) noexcept {
  const int family = family_of(fd);
  return family == AF_INET || family == AF_INET6;
}

}  // namespace

stream::stream(asio::any_io_executor executor, channel socket, std::shared_ptr<buffer_source> buffers)
    : executor_(std::move(executor)), buffers_(or_shared(std::move(buffers))), in_(std::move(socket)) {}

stream::stream(asio::any_io_executor executor, channel in, channel out,
               std::shared_ptr<buffer_source> buffers)
    : executor_(std::move(executor)),
      buffers_(or_shared(std::move(buffers))),
      in_(std::move(in)),
      out_(std::make_unique<channel>(std::move(out))) {}

asio::awaitable<std::size_t> stream::receive_into(buffer& into) {
  if (turns_.used_up()) co_await asio::post(executor_, asio::deferred);
  if (into.space().empty()) fail(asio::error::no_buffer_space, "receive");
  bool looked_again = false;
  for (;;) {
    if (closed_) fail(asio::error::operation_aborted, "receive");
    // What was read last was all there was: Asio's own attempt, before it waits, is enough.
    const bool emptied = std::exchange(emptied_, false) && in_.is_own();
    io_result got = emptied ? io_result{0, EAGAIN} : in_.read_now(into.space());
    if (got.error == EAGAIN) {
      if (output_lost_) {
        if (looked_again) fail(asio::error::broken_pipe, "receive: nobody reads our output");
        // Who dies closes one end after the other: that of our input may be about to follow.
        looked_again = true;
        auto waiting = a_moment();
        co_await std::move(waiting);
        continue;
      }
      turns_.renew();
      if (in_.is_own()) {
        auto reading = in_.read(into.space());
        const auto [ec, count] = co_await std::move(reading);
        got = in_.outcome(ec, count);
      } else {
        auto waiting = in_.readable();
        const auto [ec] = co_await std::move(waiting);
        if (!ec) continue;
        got.error = ec.value();
      }
    }
    if (got.error == 0) {
      emptied_ = got.count < into.space().size();
      into.commit(got.count);
      co_return got.count;
    }
    const bool stopped = got.error == ECANCELED && (closed_ || output_lost_);
    if (!stopped) fail(system_code(got.error), "receive");
  }
}

asio::awaitable<void> stream::a_moment() {
  asio::steady_timer timer(executor_, std::chrono::milliseconds(20));
  auto waiting = timer.async_wait(asio::as_tuple(asio::deferred));
  co_await std::move(waiting);
}

asio::awaitable<void> stream::send(std::span<const std::string_view> parts) {
  unsent rest(parts);
  for (;;) {
    if (closed_) fail(asio::error::operation_aborted, "send");
    if (send_ended_) fail(asio::error::broken_pipe, "send");
    const int error = out().write_now(rest);
    if (error == 0) co_return;
    if (error != EAGAIN) fail(system_code(error), "send");
    auto waiting = out().writable();
    const auto [ec] = co_await std::move(waiting);
    if (ec && !closed_ && !send_ended_) fail(ec, "send");
  }
}

bool stream::shutdown_send() noexcept {
  if (closed_ || send_ended_) return false;
  send_ended_ = true;
  // A socket tells its peer; of anything else the peer sees that it is closed.
  const bool said = ::shutdown(out().fd(), SHUT_WR) == 0;
  const bool must_drain = said && is_tcp(out().fd());
  if (out_) out_->close();
  return must_drain;
}

asio::awaitable<hang_up> stream::wait_hang_up(bool input_has_ended) {
  if (closed_) co_return hang_up::unknown;
  if (!hang_up_) hang_up_ = std::make_unique<hang_up_watch>(executor_, in_.fd(), out().fd());
  auto waiting = hang_up_->wait(input_has_ended);
  co_return co_await std::move(waiting);
}

std::optional<peer_credentials> stream::credentials() const noexcept {
  return closed_ ? std::nullopt : credentials_of(in_.fd());
}

void stream::close() noexcept {
  if (closed_) return;
  closed_ = true;
  if (hang_up_) hang_up_->close();
  in_.close();
  if (out_) out_->close();
}

void stream::output_lost() noexcept {
  output_lost_ = true;
  in_.cancel();
}

}  // namespace antiphon::posix
