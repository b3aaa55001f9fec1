#pragma once

#include <antiphon/peer.hpp>
#include <antiphon/router.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// Deliveries: messages of which the sender says how much it wants to hear about them.
///
/// On the wire they are JSON-RPC's own requests and notifications. Their parameters are an envelope,
/// `{"delivery": {"mode": ..., "id": ...}, "payload": ...}`; all that is about the delivery stands beside the
/// payload, so that it is routed, acknowledged and refused without anybody looking into that.
///
/// | Mode | Sent as | Receipt | Response |
/// |---|---|---|---|
/// | fire_and_forget | notification | none | none |
/// | confirmed | request | its result, null, before the handler runs | none |
/// | with_response | request | none | its result |
/// | with_receipt_and_response | request | the notification `delivery/accepted` with the delivery's id | its
/// result |
///
/// A delivery that breaks its contract is answered with an error whose data has `"accepted": false`. A
/// request in mode fire_and_forget is answered as with_response.
namespace antiphon {

BOOST_DEFINE_ENUM_CLASS(delivery_mode, fire_and_forget, confirmed, with_response, with_receipt_and_response)

/// The notification that is a receipt; its parameter `id` is that of the delivery's envelope.
inline constexpr std::string_view delivery_accepted_method = "delivery/accepted";

/// What stands beside the payload. Without it, a notification is fire_and_forget, a request with_response.
struct delivery_metadata {
  delivery_mode mode = delivery_mode::with_response;
  /// For the receipt; unique among the sender's deliveries under way.
  std::optional<std::uint64_t> id;
};
BOOST_DESCRIBE_STRUCT(delivery_metadata, (), (mode, id))

/// What became of a delivery, as far as its mode tells.
enum class delivery_state : std::uint8_t {
  sent,      ///< fire_and_forget: written to the transport
  accepted,  ///< confirmed: the peer has it, and its handler runs or will
  answered,  ///< there is a response
  refused,   ///< the peer didn't accept it, so no handler has seen it
  failed,    ///< it was accepted (or the mode has no receipt), and its handler answered with an error
  lost,      ///< no receipt or no response in time, or the connection ended: what became of it isn't known
};

/// How one delivery is sent.
struct delivery_options {
  delivery_options() noexcept {}
  explicit delivery_options(delivery_mode how) noexcept : mode(how) {}

  delivery_mode mode = delivery_mode::with_response;
  /// How long the receipt may take (confirmed, with_receipt_and_response). Then the peer is told to cancel
  /// and the delivery is `lost`. Zero: the endpoint's `call_timeout` (confirmed), or as long as the response.
  std::chrono::milliseconds accept_within{0};
  /// How long the response may take, from the sending on. Zero: the endpoint's `call_timeout`.
  std::chrono::milliseconds answer_within{0};
  /// with_receipt_and_response: called once, on the endpoint's executor, when the receipt has come.
  std::function<void()> on_accepted;
};

/// @tparam R what the response is decoded into
template <class R = raw_json>
struct delivery_result {
  delivery_state state = delivery_state::lost;
  std::optional<R> response;            // where it is answered
  std::optional<call_failure> failure;  // where it is refused, failed or lost

  bool fine() const noexcept { return state <= delivery_state::answered; }
};

/// What the payload of a delivery must be before it is accepted: nothing when it fits, else why not. Called
/// with the payload, which is valid during the call.
using delivery_contract = std::function<std::optional<decode_error>(const raw_json& payload)>;

/// The contract that the payload can be decoded as a `T`.
template <class T>
delivery_contract must_be() {
  return [](const raw_json& payload) -> std::optional<decode_error> {
    auto decoded = payload.try_decode<T>();
    if (decoded) return std::nullopt;
    return decoded.error();
  };
}
/// The contract that anything fulfils.
inline delivery_contract anything() {
  return [](const raw_json&) -> std::optional<decode_error> { return std::nullopt; };
}

namespace detail {

class receipts;

template <class Payload>
struct envelope {
  std::optional<delivery_metadata> delivery;
  Payload payload;
  BOOST_DESCRIBE_CLASS(envelope, (), (delivery, payload), (), ())
};
template <class Payload>
using sent_payload = std::conditional_t<std::is_convertible_v<const Payload&, std::string_view>,
                                        std::string_view, std::decay_t<Payload>>;

/// What a delivery that came as a request or a notification is, without saying so.
delivery_metadata about_delivery(const call_context& call, const std::optional<delivery_metadata>& told);
[[noreturn]] void refuse_delivery(const decode_error& why);
/// The receipt, where the mode has one; completes when it is written.
asio::awaitable<void> acknowledge(call_context& call, delivery_metadata about);

/// The place of a delivery's receipt, for as long as somebody may want it.
class receipt_claim {
 public:
  receipt_claim() noexcept = default;  // for a mode without one
  receipt_claim(std::shared_ptr<receipts> book, std::function<void()> on_accepted);
  receipt_claim(receipt_claim&& other) noexcept = default;
  receipt_claim& operator=(receipt_claim&& other) noexcept = default;
  ~receipt_claim();

  receipts* book() const noexcept { return book_.get(); }
  std::uint64_t id() const noexcept { return id_; }

 private:
  std::shared_ptr<receipts> book_;
  std::uint64_t id_ = 0;
};

asio::awaitable<delivery_result<>> await_sent(asio::awaitable<void> sending);
asio::awaitable<delivery_result<>> await_delivery(receipt_claim receipt, delivery_mode mode,
                                                  std::chrono::milliseconds accept_within,
                                                  asio::awaitable<call_result<raw_json>> asking);

template <class R>
asio::awaitable<delivery_result<R>> decoded(asio::awaitable<delivery_result<>> pending) {
  delivery_result<> raw = co_await std::move(pending);
  delivery_result<R> result;
  result.state = raw.state;
  result.failure = std::move(raw.failure);
  if (!raw.response) co_return result;
  auto value = raw.response->template try_decode<R>();
  if (value) {
    result.response = std::move(*value);
  } else {
    result.state = delivery_state::failed;
    result.failure =
        call_failure{value.error().code, "unexpected response: " + value.error().describe(), std::nullopt};
  }
  co_return result;
}

template <class Handler>
using delivery_answer =
    typename handler_result<std::invoke_result_t<Handler&, call_context&, const raw_json&>>::type;

template <class Handler>
asio::awaitable<delivery_answer<Handler>> take_delivery(call_context& call,
                                                        const std::optional<delivery_metadata>& told,
                                                        const raw_json& payload,
                                                        const delivery_contract& contract, Handler& handler) {
  const delivery_metadata about = about_delivery(call, told);
  if (const auto wrong = contract(payload)) refuse_delivery(*wrong);
  auto acknowledging = acknowledge(call, about);
  co_await std::move(acknowledging);
  using invoked = handler_result<std::invoke_result_t<Handler&, call_context&, const raw_json&>>;
  if constexpr (invoked::is_coroutine) {
    auto running = handler(call, payload);
    co_return co_await std::move(running);
  } else {
    co_return handler(call, payload);
  }
}

}  // namespace detail

/// Serves deliveries of `method`, in every mode.
///
/// What arrives is checked against `contract` first. What doesn't fulfil it is refused: a request is answered
/// -32602 with the path of what is wrong, and the handler never sees it. Otherwise the receipt is written
/// where the mode has one, and then the handler runs. It is a function of `call_context&` and
/// `const raw_json&`, the payload as it stands in the message, valid until it ends; synchronous or
/// returning `asio::awaitable`. What it returns is the response. In mode `confirmed` that is dropped, as is
/// what it throws.
/// @param options for both; `order` defaults to that of requests and notifications
template <class Handler>
void on_delivery(router& routes, const std::string& method, delivery_contract contract, Handler handler,
                 route_options options = route_options()) {
  struct shared {
    delivery_contract contract;
    Handler handler;
  };
  auto both = std::make_shared<shared>(shared{std::move(contract), std::move(handler)});
  const auto take = [both](call_context& call, const std::optional<delivery_metadata>& delivery,
                           const raw_json& payload) {
    return detail::take_delivery(call, delivery, payload, both->contract, both->handler);
  };
  routes.on_notification(method, take, {"delivery", "payload"}, options);
  routes.on_request(method, take, {"delivery", "payload"}, std::move(options));
}

/// Sends deliveries, and matches their receipts. Used on the executor of the endpoints that it sends through.
class deliverer {
 public:
  deliverer();
  explicit deliverer(router& routes) : deliverer() { take_receipts(routes); }
  /// Receipts come in through the routes of the endpoint that deliveries are sent through, or of several.
  /// Without that, no delivery with_receipt_and_response gets its receipt.
  void take_receipts(router& routes);

  /// Sends `payload`, which is encoded before this returns, when the result is awaited. What goes wrong
  /// once it is awaited is in the result. Cancelling the awaiting coroutine tells the peer to cancel.
  template <class R = raw_json, class Payload>
  asio::awaitable<delivery_result<R>> deliver(const peer& to, delivery_options how, std::string_view method,
                                              const Payload& payload) const {
    detail::envelope<detail::sent_payload<Payload>> message{std::nullopt, payload};
    if (how.mode == delivery_mode::fire_and_forget)
      return detail::decoded<R>(detail::await_sent(to.notify(method, message)));
    message.delivery.emplace();
    message.delivery->mode = how.mode;
    detail::receipt_claim receipt;
    if (how.mode == delivery_mode::with_receipt_and_response) {
      receipt = detail::receipt_claim(book_, std::move(how.on_accepted));
      message.delivery->id = receipt.id();
    }
    const bool confirmed = how.mode == delivery_mode::confirmed;
    auto asking =
        to.try_call(call_options(confirmed ? how.accept_within : how.answer_within), method, message);
    return detail::decoded<R>(
        detail::await_delivery(std::move(receipt), how.mode, how.accept_within, std::move(asking)));
  }

 private:
  std::shared_ptr<detail::receipts> book_;
};

/// A message from one of several endpoints.
struct merged_message {
  std::string method;
  raw_json payload;  // in memory of its own
  peer from;
};

/// Messages of several connections in one bounded queue, for one dispatcher.
///
/// A message that finds the queue full waits, and so does everything behind it on its connection: what it
/// can't take is left to the kernel's buffers, and with that to the peer. Thread-safe: the endpoints may be
/// on executors of their own.
class merged_deliveries {
 public:
  /// @param executor where `next` is awaited
  /// @param capacity messages that wait; at least 1
  merged_deliveries(const asio::any_io_executor& executor, std::size_t capacity);
  ~merged_deliveries();
  merged_deliveries(const merged_deliveries&) = delete;
  merged_deliveries& operator=(const merged_deliveries&) = delete;

  /// Deliveries of `method` that come in through these routes go into the queue. A request is confirmed
  /// (null) once its message is in there. This outlives the endpoint.
  void feed(router& routes, const std::string& method, delivery_contract contract = anything());
  /// The next message, in the order of arrival of each connection; nothing once it is closed and empty, or
  /// when it is cancelled, which may lose the message that comes at that moment. One at a time.
  asio::awaitable<std::optional<merged_message>> next();
  /// Nothing more is taken in: what comes, and what waits for room, is refused with -32000. From any thread.
  void close();

  /// Messages that had to wait for room so far.
  std::uint64_t waited() const noexcept;

 private:
  class queue;
  std::shared_ptr<queue> queue_;
};

}  // namespace antiphon
