// Deliveries: what a mode means on the wire, receipts, and several connections in one queue.

#include "lib/waiting.hpp"

#include <antiphon/call_context.hpp>
#include <antiphon/delivery.hpp>
#include <antiphon/rpc_error.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

namespace antiphon {

namespace detail {

namespace {

struct receipt_params {
  std::uint64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(receipt_params, (), (id))

struct refusal_data {
  std::optional<bool> accepted;
};
BOOST_DESCRIBE_STRUCT(refusal_data, (), (accepted))

/// Whether the peer's error says, by itself, that no handler has seen the delivery.
bool refuses(const call_failure& failure) {
  if (failure.code == rpc_errc::method_not_found || failure.code == rpc_errc::overloaded ||
      failure.code == rpc_errc::invalid_request || failure.code == rpc_errc::invalid_params)
    return true;
  if (!failure.data) return false;
  const auto data = failure.data->try_decode<refusal_data>();
  return data && data->accepted == false;
}

}  // namespace

delivery_metadata about_delivery(const call_context& call, const std::optional<delivery_metadata>& told) {
  if (call.is_notification()) return {delivery_mode::fire_and_forget, std::nullopt};
  if (!told) return {};
  if (told->mode == delivery_mode::with_receipt_and_response && !told->id)
    refuse_delivery({make_error_code(errc::missing_member), "/delivery/id", "missing member"});
  return *told;
}

void refuse_delivery(const decode_error& why) {
  boost::json::object data{{"accepted", false}, {"path", why.path}};
  throw rpc_error(static_cast<int>(rpc_errc::invalid_params), why.describe(),
                  boost::json::value(std::move(data)));
}

asio::awaitable<void> acknowledge(call_context& call, delivery_metadata about) {
  if (call.is_notification()) co_return;
  if (about.mode == delivery_mode::confirmed) {
    auto told = call.answer(nullptr);
    co_await std::move(told);
  } else if (about.mode == delivery_mode::with_receipt_and_response) {
    receipt_params receipt;
    receipt.id = *about.id;
    auto told = call.notify(delivery_accepted_method, receipt);
    co_await std::move(told);
  }
}

/// What waits for its receipt.
class receipts {
 public:
  struct entry {
    std::function<void()> on_accepted;
    bool accepted = false;
    asio::steady_timer* limit = nullptr;
  };

  std::uint64_t open(std::function<void()> on_accepted) {
    waiting_[++last_].on_accepted = std::move(on_accepted);
    return last_;
  }
  entry* find(std::uint64_t id) {
    const auto found = waiting_.find(id);
    return found == waiting_.end() ? nullptr : &found->second;
  }
  void close(std::uint64_t id) { waiting_.erase(id); }

  void accepted(std::uint64_t id) {
    entry* const of = find(id);
    if (of == nullptr || of->accepted) return;
    of->accepted = true;
    if (of->limit != nullptr) of->limit->expires_at(asio::steady_timer::time_point::max());
    const auto tell = std::move(of->on_accepted);
    if (tell) tell();
  }

 private:
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, entry> waiting_;
};

receipt_claim::receipt_claim(std::shared_ptr<receipts> book, std::function<void()> on_accepted)
    : book_(std::move(book)), id_(book_->open(std::move(on_accepted))) {}
receipt_claim::~receipt_claim() {
  if (book_) book_->close(id_);
}

namespace {

/// Completes when the time is up without a receipt. A receipt ends the wait, and begins one for ever; when it
/// is cancelled, that throws.
asio::awaitable<void> await_limit(receipts::entry& of) {
  for (;;) {
    auto expiring = of.limit->async_wait(asio::as_tuple(asio::use_awaitable));
    const auto [error] = co_await std::move(expiring);
    if (!error) co_return;
  }
}

asio::awaitable<call_result<raw_json>> await_within(receipts::entry& of, std::chrono::milliseconds limit,
                                                    asio::awaitable<call_result<raw_json>> asking) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  of.limit = &timer;
  auto expiring = await_limit(of);
  auto first = std::move(asking) || std::move(expiring);
  auto ended = co_await std::move(first);
  of.limit = nullptr;
  if (ended.index() == 0) co_return std::get<0>(std::move(ended));
  co_return call_failure{make_error_code(errc::timed_out), "no receipt in time", std::nullopt};
}

}  // namespace

asio::awaitable<delivery_result<>> await_sent(asio::awaitable<void> sending) {
  delivery_result<> result;
  try {
    co_await std::move(sending);
    result.state = delivery_state::sent;
  } catch (const boost::system::system_error& e) {
    result.failure = call_failure{e.code(), e.what(), std::nullopt};
  }
  co_return result;
}

asio::awaitable<delivery_result<>> await_delivery(receipt_claim receipt, delivery_mode mode,
                                                  std::chrono::milliseconds accept_within,
                                                  asio::awaitable<call_result<raw_json>> asking) {
  receipts::entry* const waiting = receipt.book() == nullptr ? nullptr : receipt.book()->find(receipt.id());
  if (waiting != nullptr && accept_within.count() > 0)
    asking = await_within(*waiting, accept_within, std::move(asking));
  auto answer = co_await std::move(asking);

  delivery_result<> result;
  if (answer) {
    const bool receipt_only = mode == delivery_mode::confirmed;
    result.state = receipt_only ? delivery_state::accepted : delivery_state::answered;
    if (!receipt_only) result.response = std::move(*answer);
    co_return result;
  }
  result.failure = answer.error();
  if (!result.failure->from_peer()) {
    result.state = delivery_state::lost;
  } else if (mode == delivery_mode::confirmed) {
    result.state = delivery_state::refused;
  } else if (mode == delivery_mode::with_receipt_and_response) {
    result.state = waiting->accepted ? delivery_state::failed : delivery_state::refused;
  } else {
    result.state = refuses(*result.failure) ? delivery_state::refused : delivery_state::failed;
  }
  co_return result;
}

}  // namespace detail

deliverer::deliverer() : book_(std::make_shared<detail::receipts>()) {}

void deliverer::take_receipts(router& routes) {
  // Past whatever waits: the response, which must not be there first, doesn't wait either.
  routes.on_notification(
      std::string(delivery_accepted_method), [book = book_](std::uint64_t id) { book->accepted(id); }, {"id"},
      route_options(order::immediate));
}

class merged_deliveries::queue {
 public:
  using channel = asio::experimental::concurrent_channel<void(error_code, std::shared_ptr<merged_message>)>;

  queue(const asio::any_io_executor& executor, std::size_t capacity) : waiting_(executor, capacity) {}

  static asio::awaitable<void> put(std::shared_ptr<queue> into, const delivery_contract& contract,
                                   call_context& call, const raw_json& payload);
  /// Completes with the next message; with none once there will be no more, and when it is cancelled.
  auto receive() {
    return detail::suspended<error_code, std::shared_ptr<merged_message>>([this](auto handler) {
      const std::lock_guard lock(closing_);
      waiting_.async_receive(std::move(handler));
      if (closed_) waiting_.cancel();
    });
  }
  void close() {
    const std::lock_guard lock(closing_);
    closed_ = true;
    waiting_.cancel();
  }

  std::shared_ptr<merged_message> take_waiting() {
    std::shared_ptr<merged_message> taken;
    waiting_.try_receive(
        [&taken](error_code, std::shared_ptr<merged_message> one) { taken = std::move(one); });
    return taken;
  }

  std::atomic<std::uint64_t> waited = 0;

 private:
  [[noreturn]] static void refuse_closed() { throw rpc_error(rpc_errc::overloaded, "the queue is closed"); }

  bool put_at_once(const std::shared_ptr<merged_message>& message) {
    const std::lock_guard lock(closing_);
    if (closed_) refuse_closed();
    return waiting_.try_send(error_code(), message);
  }
  /// Completes once there is room, or with an error.
  auto send(std::shared_ptr<merged_message> message) {
    return detail::suspended<error_code>([this, message = std::move(message)](auto handler) mutable {
      const std::lock_guard lock(closing_);
      if (!closed_) return waiting_.async_send(error_code(), std::move(message), std::move(handler));
      detail::resume_later(detail::waiter<error_code>(std::move(handler)),
                           error_code(asio::error::operation_aborted));
    });
  }
  bool is_closed() {
    const std::lock_guard lock(closing_);
    return closed_;
  }

  channel waiting_;
  // The channel's own close would lose what is in it, which may have been confirmed. Nothing is put in, and
  // nobody begins to wait, between a look at `closed_` and what follows from it.
  std::mutex closing_;
  bool closed_ = false;
};

asio::awaitable<void> merged_deliveries::queue::put(std::shared_ptr<queue> into,
                                                    const delivery_contract& contract, call_context& call,
                                                    const raw_json& payload) {
  if (const auto wrong = contract(payload)) detail::refuse_delivery(*wrong);
  auto message = std::make_shared<merged_message>();
  message->method = call.method();
  message->payload = payload.keep();
  message->from = call.peer();
  if (into->put_at_once(message)) co_return;
  into->waited.fetch_add(1, std::memory_order_relaxed);
  auto sending = into->send(std::move(message))(asio::as_tuple(asio::use_awaitable));
  const auto [error] = co_await std::move(sending);
  if (!error) co_return;
  if (into->is_closed()) refuse_closed();
  throw boost::system::system_error(asio::error::operation_aborted);
}

merged_deliveries::merged_deliveries(const asio::any_io_executor& executor, std::size_t capacity)
    : queue_(std::make_shared<queue>(executor, std::max<std::size_t>(capacity, 1))) {}
merged_deliveries::~merged_deliveries() {
  close();
  // They hold connections, whose routes hold the queue.
  while (queue_->take_waiting() != nullptr) {
  }
}

void merged_deliveries::feed(router& routes, const std::string& method, delivery_contract contract) {
  const auto shared = std::make_shared<const delivery_contract>(std::move(contract));
  const auto take = [into = queue_, shared](call_context& call, const std::optional<delivery_metadata>&,
                                            const raw_json& payload) {
    return queue::put(into, *shared, call, payload);
  };
  // One after the other, so that what finds no room holds up what is behind it.
  const route_options one_by_one(order::ordered);
  routes.on_notification(method, take, {"delivery", "payload"}, one_by_one);
  routes.on_request(method, take, {"delivery", "payload"}, one_by_one);
}

asio::awaitable<std::optional<merged_message>> merged_deliveries::next() {
  const std::shared_ptr<queue> from = queue_;
  if (auto there = from->take_waiting()) co_return std::move(*there);
  auto receiving = from->receive()(asio::as_tuple(asio::use_awaitable));
  auto [error, message] = co_await std::move(receiving);
  if (error || message == nullptr) co_return std::nullopt;
  co_return std::move(*message);
}

void merged_deliveries::close() { queue_->close(); }

std::uint64_t merged_deliveries::waited() const noexcept {
  return queue_->waited.load(std::memory_order_relaxed);
}

}  // namespace antiphon
