#pragma once

#include <antiphon/streaming/message_view.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace antiphon {

class output_chain;

enum class message_direction : std::uint8_t { incoming, outgoing };

/// One message on its way in or out, as a middleware sees it. All views are valid during the call only.
class message_event {
 public:
  using clock = std::chrono::steady_clock;

  message_event(const message_event&) = delete;
  message_event& operator=(const message_event&) = delete;

  message_direction direction() const noexcept { return direction_; }
  /// `invalid`: what came in is no JSON, no JSON-RPC message, or a batch that is empty or too long.
  message_kind kind() const noexcept { return kind_; }
  /// Whether it is a member of a batch. Each member is a message of its own; the batch isn't one.
  bool in_batch() const noexcept { return in_batch_; }
  /// The id's JSON text; empty when there is none.
  std::string_view id() const noexcept { return id_; }
  /// The method's name. Of an answer that goes out: the request's, empty where no handler had been found for
  /// it. Of one that comes in: empty.
  std::string_view method() const noexcept { return method_; }
  /// The message itself, without what the framing puts around it. What goes out may lie in several pieces;
  /// they are joined when this is asked for first.
  std::string_view text() const;
  /// `params`, `result` or `error` as it stands in the message; empty when there is none.
  std::string_view body() const;
  /// Bytes of `text()`.
  std::size_t size() const noexcept { return size_; }
  /// When it was read or encoded: the clock is read when this is asked for first.
  clock::time_point at() const noexcept {
    if (!at_) at_ = clock::now();
    return *at_;
  }

 protected:
  message_event() = default;
  ~message_event() = default;

  message_direction direction_ = message_direction::incoming;
  message_kind kind_ = message_kind::invalid;
  bool in_batch_ = false;
  std::string_view id_;
  std::string_view method_;
  std::size_t size_ = 0;
  const output_chain* frame_ = nullptr;  // where the text is, while it isn't known
  std::size_t before_ = 0;               // bytes of that which are none of the message
  mutable std::optional<std::string_view> text_;
  mutable std::optional<std::string_view> body_;
  mutable std::string joined_;
  mutable std::optional<clock::time_point> at_;
};

/// What became of a request or notification.
enum class handler_outcome : std::uint8_t {
  answered,   ///< it has its result; a notification's handler returned
  failed,     ///< with an error: the handler threw `rpc_error`, the parameters didn't fit, the time was up
  threw,      ///< the handler threw anything else
  cancelled,  ///< -32800, because the peer cancelled it or the connection closed
  rejected,   ///< turned away before its handler started
  abandoned,  ///< the connection was destroyed before its handler ended
};

/// A handler that starts or has ended, as a middleware sees it. All views are valid during the call only.
struct handler_event {
  using clock = std::chrono::steady_clock;

  message_kind kind = message_kind::request;  // or notification
  bool in_batch = false;
  std::string_view id;  ///< its JSON text; empty for a notification
  std::string_view method;
  std::string_view params;     ///< as they stand in the message; empty when there are none
  clock::time_point received;  // not set in `handler_threw`, like what follows
  clock::time_point started;
  // When it has ended:
  clock::time_point ended;
  handler_outcome outcome = handler_outcome::answered;

  clock::duration waited() const noexcept { return started - received; }
  clock::duration ran() const noexcept { return ended - started; }
};

/// Sees, and may refuse, what goes through an endpoint. Derive and override what you need.
///
/// What one of them refuses, those within it don't see, so a tracer belongs first.
///
/// Installed by `endpoint_options::middleware` for what concerns the program, and by `router::use` for what
/// belongs to the routes of one connection. The first is the outermost, those of the router are within those
/// of the options: what comes in passes them first to last, what ends or goes out last to first.
///
/// A call's order is `received`, `handler_starts`, maybe `handler_threw`, `sent` with the answer,
/// `handler_ended`; the answer is earlier where the handler gives it before it ends, or its time is up. Every
/// message that goes in or out is seen exactly once by `received` or `sent`: also those that are refused,
/// error answers, members of batches, and the cancellations that the endpoint sends by itself. What follows
/// after the stream is broken is no message any more.
///
/// The hooks run on the endpoint's executor and hold it up, so they should be quick. One object that several
/// endpoints have is called from the executors of all of them. What a hook throws where it has nothing to
/// refuse is ignored.
class middleware {
 public:
  virtual ~middleware() = default;

  // What `hooks` may consist of.
  static constexpr unsigned on_received = 1;
  static constexpr unsigned on_handler_starts = 2;
  static constexpr unsigned on_handler_ended = 4;
  static constexpr unsigned on_handler_threw = 8;
  static constexpr unsigned on_sent = 16;
  static constexpr unsigned all_hooks = 31;

  /// The hooks that need be called. An endpoint does nothing at all for those that none of its middleware
  /// wants; one that another one wants may be called all the same.
  virtual unsigned hooks() const noexcept { return all_hooks; }
  /// Called once for each endpoint that this is installed in: what serves that connection, for middleware
  /// that keeps something for each. Null is this object itself.
  virtual std::shared_ptr<middleware> for_connection() { return nullptr; }

  /// A message has come in; it hasn't been dispatched. Throw `rpc_error` to refuse a request with it;
  /// anything else thrown refuses it with -32603. A notification is dropped. A response goes its way
  /// regardless, and what is invalid is answered with its own error.
  virtual void received(const message_event&) {}
  /// A request's or notification's handler is about to start. To throw refuses it as above.
  virtual void handler_starts(const handler_event&) {}
  /// Exactly once for each `handler_starts` that returned.
  virtual void handler_ended(const handler_event&) {}
  /// A handler threw `what`; returns that or another exception. `rpc_error` becomes that error, anything else
  /// -32603. Not called for the exception with which a cancelled handler ends.
  virtual std::exception_ptr handler_threw(const handler_event&, std::exception_ptr what) { return what; }
  /// A message has been encoded and is about to be queued for writing.
  virtual void sent(const message_event&) {}
};

}  // namespace antiphon
