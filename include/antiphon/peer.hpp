#pragma once

#include <antiphon/endpoint_options.hpp>
#include <antiphon/endpoint_stats.hpp>
#include <antiphon/rpc_error.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/streaming/value_traits.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <vector>

namespace antiphon {

namespace asio = boost::asio;

class batch;

namespace detail {

class connection;
class inbound_call;

/// The handler, if any, whose permit is lent back while the call waits.
struct lender {
  inbound_call* call = nullptr;
  std::uint32_t generation = 0;
};

/// The answer to an outgoing call: a result, or why there is none.
struct reply {
  raw_json result;
  std::optional<call_failure> failure;
};

/// `"method":...,"params":...` of a message to be sent; without braces and id.
class draft {
 public:
  template <class... Args>
  explicit draft(std::string_view method, const Args&... args);
  draft(draft&&) noexcept = default;
  draft& operator=(draft&&) noexcept = default;

  void append_to(output_chain& out) &&;

 private:
  static output_chain empty();
  void method(std::string_view name);
  static std::string_view params_comma() { return ",\"params\":"; }

  output_chain text_;
};

/// Whether a lone argument of this type is the parameters as a whole: its JSON is an array or an object.
template <class T>
inline constexpr bool is_whole_params =
    is_described_struct<T> || is_string_map<T> || is_a<T, std::vector> || is_std_array<T> ||
    is_a<T, std::tuple> || is_a<T, std::pair> || std::is_same_v<T, raw_json> ||
    (is_json_dom<T> && !std::is_same_v<T, boost::json::string>);

/// Throws errc::not_encodable when the value is neither an array nor an object; false for null.
bool check_whole_params(json_kind kind);

template <class... Args>
draft::draft(std::string_view name, const Args&... args) : text_(empty()) {
  method(name);
  if constexpr (sizeof...(Args) == 1 && (is_whole_params<Args> && ...)) {
    const auto whole = [this](const auto& value) {
      using type = std::remove_cvref_t<decltype(value)>;
      if constexpr (std::is_same_v<type, raw_json>) {
        if (!check_whole_params(value.kind())) return;
      } else if constexpr (std::is_same_v<type, boost::json::value>) {
        if (!check_whole_params(value.is_null()     ? json_kind::null
                                : value.is_object() ? json_kind::object
                                : value.is_array()  ? json_kind::array
                                                    : json_kind::string))
          return;
      }
      text_.append(params_comma());
      encode(text_, value);
    };
    (whole(args), ...);
  } else if constexpr (sizeof...(Args) > 0) {
    text_.append(params_comma());
    char before = '[';
    (..., (text_.append(before), encode(text_, args), before = ','));
    text_.append(']');
  }
}

asio::awaitable<reply> request(std::shared_ptr<connection> through, draft message, call_options options,
                               lender from);
asio::awaitable<void> notify(std::shared_ptr<connection> through, draft message);

template <class R>
call_result<R> result_of(reply& answer) {
  if (answer.failure) return std::move(*answer.failure);
  if constexpr (std::is_void_v<R>) {
    return {};
  } else {
    static_assert(!std::is_same_v<R, std::string_view>,
                  "a string_view would outlive the reply it points into: ask for std::string");
    auto value = answer.result.try_decode<R>();
    if (value) return std::move(*value);
    return call_failure{value.error().code, "unexpected result: " + value.error().describe(), std::nullopt};
  }
}

template <class R>
asio::awaitable<call_result<R>> await_try_result(asio::awaitable<reply> pending) {
  reply answer = co_await std::move(pending);
  co_return result_of<R>(answer);
}

template <class R>
asio::awaitable<R> await_result(asio::awaitable<reply> pending) {
  reply answer = co_await std::move(pending);
  call_result<R> result = result_of<R>(answer);
  if (result.has_error()) result.error().raise();
  if constexpr (!std::is_void_v<R>) co_return std::move(*result);
}

}  // namespace detail

/// The other side of a connection, to call on: a handle that may be copied and kept.
///
/// It keeps the connection's state alive but not the connection open; once that has ended, calls fail with
/// `errc::closed` or why it ended. All calls may be made from any executor: they hop to the endpoint's own
/// and come back.
class peer {
 public:
  peer() noexcept = default;
  explicit peer(std::shared_ptr<detail::connection> through, detail::lender from = {}) noexcept
      : connection_(std::move(through)), from_(from) {}

  /// Calls a method and waits for its result (JSON-RPC 2.0, section 4).
  ///
  /// A lone argument that is a described struct, a map, a container, a raw_json or a boost::json::value
  /// becomes the parameters as a whole; anything else is passed by position: `call<int>("add", 1, 2)`. The
  /// arguments are encoded before this returns; the request is sent when the result is awaited.
  /// @tparam R what the result is decoded into; void to ignore it
  /// @throws rpc_error when the peer answers with an error; boost::system::system_error for
  /// `errc::timed_out`,
  ///         `errc::cancelled`, a connection that ended, a result that is not an `R`
  /// Cancelling the awaiting coroutine tells the peer to cancel and ends the call with `errc::cancelled`.
  template <class R = raw_json, class... Args>
  asio::awaitable<R> call(std::string_view method, const Args&... args) const {
    return detail::await_result<R>(
        detail::request(connection_, detail::draft(method, args...), call_options(), from_));
  }
  /// The same with options.
  template <class R = raw_json, class... Args>
  asio::awaitable<R> call(call_options options, std::string_view method, const Args&... args) const {
    return detail::await_result<R>(
        detail::request(connection_, detail::draft(method, args...), std::move(options), from_));
  }

  /// As `call`, with what goes wrong once it is awaited as a value instead of an exception. Arguments that
  /// can't be encoded still throw, before that.
  template <class R = raw_json, class... Args>
  asio::awaitable<call_result<R>> try_call(std::string_view method, const Args&... args) const {
    return detail::await_try_result<R>(
        detail::request(connection_, detail::draft(method, args...), call_options(), from_));
  }
  template <class R = raw_json, class... Args>
  asio::awaitable<call_result<R>> try_call(call_options options, std::string_view method,
                                           const Args&... args) const {
    return detail::await_try_result<R>(
        detail::request(connection_, detail::draft(method, args...), std::move(options), from_));
  }

  /// Sends a notification; completes when it has been written to the transport.
  /// @throws boost::system::system_error when the connection ended before that
  /// Cancelling the awaiting coroutine ends the wait with `errc::cancelled`; the notification is sent all the
  /// same unless it was still waiting for room in a full output.
  template <class... Args>
  asio::awaitable<void> notify(std::string_view method, const Args&... args) const {
    return detail::notify(connection_, detail::draft(method, args...));
  }

  /// Calls and notifications to be sent in one frame; see batch.hpp.
  batch new_batch() const;

  /// Ends the connection: nothing new is accepted, running handlers may finish until `drain` is over, then
  /// they are cancelled, what is owed is flushed, and `endpoint::run` returns. Returns at once. Idempotent; a
  /// later call can only shorten the drain.
  void close(std::chrono::milliseconds drain) const;
  /// The same with the endpoint's `close_timeout`.
  void close() const;

  /// The counters as they are now. On the endpoint's executor only.
  endpoint_stats stats() const;

  asio::any_io_executor get_executor() const;

 protected:
  std::shared_ptr<detail::connection> connection_;
  detail::lender from_;
};

}  // namespace antiphon
