#pragma once

#include "transport/posix_channel.hpp"
#include "transport/posix_hang_up.hpp"
#include "transport/turns.hpp"

#include <antiphon/transport/transport.hpp>

#include <memory>

namespace antiphon::posix {

/// What stdio, sockets and child processes have in common: bytes through system calls, tried first and waited
/// for only when the kernel says so.
class stream : public transport {
 public:
  /// One file for both directions.
  stream(asio::any_io_executor executor, channel socket, std::shared_ptr<buffer_source> buffers);
  /// A file for each.
  stream(asio::any_io_executor executor, channel in, channel out, std::shared_ptr<buffer_source> buffers);
  ~stream() override { stream::close(); }

  buffer acquire(std::size_t at_least) override { return buffers_->acquire(at_least); }
  void wait_for_memory(memory_waiter& who) override { buffers_->wait_for_memory(who); }
  void stop_waiting(memory_waiter& who) noexcept override { buffers_->stop_waiting(who); }
  asio::awaitable<std::size_t> receive_into(buffer& into) override;
  asio::awaitable<void> send(std::span<const std::string_view> parts) override;
  bool shutdown_send() noexcept override;
  asio::awaitable<hang_up> wait_hang_up(bool input_has_ended) override;
  std::optional<peer_credentials> credentials() const noexcept override;
  void close() noexcept override;
  executor_type get_executor() override { return executor_; }

 protected:
  /// Nobody can read our output any more: a receive that would have to wait fails.
  void output_lost() noexcept;

 private:
  asio::awaitable<void> a_moment();
  channel& out() noexcept { return out_ ? *out_ : in_; }

  asio::any_io_executor executor_;
  std::shared_ptr<buffer_source> buffers_;
  channel in_;
  std::unique_ptr<channel> out_;            // where it isn't in_
  std::unique_ptr<hang_up_watch> hang_up_;  // once someone asked
  turns turns_;
  bool emptied_ = false;  // the last read left nothing
  bool closed_ = false;
  bool send_ended_ = false;
  bool output_lost_ = false;
};

}  // namespace antiphon::posix
