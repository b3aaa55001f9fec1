#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/transport/peer_credentials.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace antiphon {

namespace asio = boost::asio;

/// What is known of a peer that isn't being read from.
enum class hang_up {
  unknown,      ///< nothing: the transport can't tell, or was closed
  input_ended,  ///< it will send no more than what is unread
  broken,       ///< it doesn't read any more either
};

/// A two-way stream of bytes with memory of its own: the three verbs `acquire`, `receive_into`, `send`.
///
/// An endpoint drives one transport. Write your own by deriving from it; nothing else is asked of it.
/// Everything runs on `get_executor()`, which must be serial (an io_context run by one thread, or a strand):
/// no member is called concurrently with another, but a `receive_into` and a `send` may both be suspended.
class transport : public buffer_source {
 public:
  using executor_type = asio::any_io_executor;

  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
  /// Closes. No operation may be suspended in it any more.
  ~transport() override = default;

  /// Waits for bytes, appends them to `into` (which has space) and commits them.
  ///
  /// @return how many bytes came, at least 1; 0 at the end of the input
  /// @throws boost::system::system_error when the connection is broken, or `asio::error::operation_aborted`
  ///         when `close` was called; bytes that had arrived are not lost to a later call
  virtual asio::awaitable<std::size_t> receive_into(buffer& into) = 0;

  /// Writes all of `parts`, in order, gathered into as few system calls as the kernel allows.
  ///
  /// The bytes must stay valid until it completes. Returns without suspending when the kernel takes all at
  /// once.
  /// @throws boost::system::system_error when the peer is gone (`asio::error::broken_pipe` and its like;
  /// never
  ///         a signal), `asio::error::operation_aborted` after `close`
  virtual asio::awaitable<void> send(std::span<const std::string_view> parts) = 0;

  /// Tells the peer that nothing more will be sent; receiving goes on. Not while a `send` is suspended.
  ///
  /// @return true when the peer's unread bytes must be read away before `close`, because closing earlier
  /// could
  ///         make the kernel throw away what was sent last (TCP)
  virtual bool shutdown_send() noexcept { return false; }

  /// Waits until the peer ends its side, also while bytes of it are unread, for an endpoint that doesn't
  /// read.
  ///
  /// At most one is suspended at a time. The default knows nothing.
  /// @param input_has_ended that much is known: waits for `broken` only
  virtual asio::awaitable<hang_up> wait_hang_up(bool input_has_ended) {
    static_cast<void>(input_has_ended);
    co_return hang_up::unknown;
  }

  /// Who is at the other end. Only Unix sockets know; empty for others, and once it is closed.
  virtual std::optional<peer_credentials> credentials() const noexcept { return std::nullopt; }

  /// Ends both directions at once; suspended operations complete with `operation_aborted`. Idempotent.
  virtual void close() noexcept = 0;

  virtual executor_type get_executor() = 0;
};

using transport_ptr = std::unique_ptr<transport>;

}  // namespace antiphon
