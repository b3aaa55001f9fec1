#pragma once

#include <antiphon/batch.hpp>
#include <antiphon/buffer.hpp>
#include <antiphon/peer.hpp>
#include <antiphon/streaming/request_id.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <atomic>
#include <exception>
#include <string>
#include <string_view>

namespace antiphon {

/// What a handler may know and do about the message that it handles.
///
/// A handler that takes a `call_context&` first gets it; it is valid until the handler ends, on the executor
/// that the handler runs on.
class call_context {
 public:
  call_context(const call_context&) = delete;
  call_context& operator=(const call_context&) = delete;

  /// The request's id; null for a notification.
  request_id id() const { return id_.empty() ? request_id() : request_id::from_json(id_); }
  std::string_view method() const noexcept { return method_; }
  bool is_notification() const noexcept { return notification_; }
  /// The parameters as they came; null when there are none.
  raw_json params() const noexcept { return params_.empty() ? raw_json() : raw_json(params_); }
  /// Whether the peer or a newer request has cancelled this one, its time limit is over, or the endpoint is
  /// closing. A coroutine handler also sees it as its Asio cancellation signal: the operation it awaits ends
  /// with `operation_aborted`.
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

  /// The other side, to call back on. While such a call is awaited, the handler's permit is lent to others,
  /// so that handlers that await the peer can't block the requests that the peer needs answered first.
  antiphon::peer peer() const noexcept;
  template <class R = raw_json, class... Args>
  asio::awaitable<R> call(std::string_view method, const Args&... args) const {
    return peer().template call<R>(method, args...);
  }
  template <class... Args>
  asio::awaitable<void> notify(std::string_view method, const Args&... args) const {
    return peer().notify(method, args...);
  }

  /// An `ordered` handler lets the messages behind it start before it has ended.
  void release_order();

  /// Answers before the handler ends, and completes when the answer has been written to the transport. What
  /// the handler returns or throws later is dropped; it still counts as running until it ends. For what must
  /// happen after the peer has its answer. A second answer, and one to a notification, does nothing. The
  /// member of a batch is answered with the whole of it, so it completes at once.
  /// @throws boost::system::system_error when the connection ended before that; before it is awaited: what
  ///         `encode` throws
  template <class T>
  asio::awaitable<void> answer(const T& result) {
    output_chain text = empty_text();
    encode(text, result);
    return send_answer(std::move(text));
  }

 protected:
  call_context() = default;
  ~call_context() = default;

  detail::connection* connection_ = nullptr;  // which owns this
  // Where they stand in the message; the method's name in the router.
  std::string_view id_;
  std::string_view method_;
  slice params_;  // pinned once they are kept, and from the beginning when they are large
  std::uint32_t generation_ = 0;
  bool notification_ = false;
  std::atomic<bool> cancelled_ = false;  // the handler may ask from another thread

 private:
  static output_chain empty_text();
  asio::awaitable<void> send_answer(output_chain result);
};

namespace detail {

/// An incoming request or notification in the hands of its route. The route ends it with exactly one of the
/// `reply_` or `fail` calls, or with `run`, whose coroutine then does.
class inbound_call : public call_context {
 public:
  /// Answers with what `write` encodes. A notification answers nothing, so `write` isn't called.
  template <class Write>
  void reply(Write write) {
    output_chain* out = begin_result();
    if (out != nullptr) {
      try {
        write(*out);
      } catch (...) {
        drop_result();
        return fail(std::current_exception());
      }
      return end_result();
    }
    finished();
  }
  void reply_null() {
    reply([](output_chain& out) { out.append("null"); });
  }
  void fail(std::exception_ptr why) noexcept;
  void fail_params(const decode_error& why);
  /// Starts the handler's coroutine at once, on the endpoint's executor.
  void run(asio::awaitable<void> handler);
  /// From here on `params()` stays valid until the call ends, wherever the message came from.
  void keep_message();

 protected:
  output_chain* begin_result();
  void drop_result() noexcept;
  void end_result();
  void finished() noexcept;

  asio::cancellation_signal cancel_;
};

}  // namespace detail

}  // namespace antiphon
