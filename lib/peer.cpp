// What peer handles and batches do: they go to the connection, on its executor.

#include "lib/connection.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <type_traits>

namespace antiphon::detail {

namespace {

template <class T>
struct outcome {
  std::exception_ptr failure;
  std::optional<T> value;
};
template <>
struct outcome<void> {
  std::exception_ptr failure;
};

/// What a caller on another executor has done for him. The signal is used on the connection's executor only.
template <class T>
struct errand {
  asio::cancellation_signal stop;
  waiter<outcome<T>> caller;
};

template <class T>
asio::awaitable<void> run_errand(std::shared_ptr<connection> /*home*/, std::shared_ptr<errand<T>> what,
                                 asio::awaitable<T> operation) {
  outcome<T> how;
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(operation);
    } else {
      how.value = co_await std::move(operation);
    }
  } catch (...) {
    how.failure = std::current_exception();
  }
  resume_later(std::move(what->caller), std::move(how));
}

/// Runs `operation` on the connection's executor; the caller stays on his own, also when he is cancelled.
///
/// In place of `co_spawn` with his handler: Asio 1.81 hands the cancellation over through a plain pointer,
/// which may be gone by then.
template <class T>
asio::awaitable<T> on_its_executor(std::shared_ptr<connection> home, asio::awaitable<T> operation) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  const asio::any_io_executor there = home->executor();
  if (here == there) co_return co_await std::move(operation);
  auto suspend = [&](auto handler) {
    auto what = std::make_shared<errand<T>>();
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(what), there](asio::cancellation_type type) {
        asio::post(there, [weak, type] {
          if (const auto running = weak.lock()) running->stop.emit(type);
        });
      });
    }
    what->caller = waiter<outcome<T>>(std::move(handler));
    // The signal outlives the coroutine that it belongs to.
    auto ended = [what, there](std::exception_ptr) { asio::post(there, [what] {}); };
    asio::co_spawn(there, run_errand(home, what, std::move(operation)),
                   asio::bind_cancellation_slot(what->stop.slot(), std::move(ended)));
  };
  auto waiting = suspended<outcome<T>>(suspend);
  outcome<T> how = co_await std::move(waiting);
  if (how.failure) std::rethrow_exception(how.failure);
  if constexpr (!std::is_void_v<T>) co_return std::move(*how.value);
}

}  // namespace

asio::awaitable<reply> request(std::shared_ptr<connection> through, draft message, call_options options,
                               lender from) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  auto asking = through->request(std::move(message), options, from);
  auto answer = on_its_executor(through, std::move(asking));
  co_return co_await std::move(answer);
}

asio::awaitable<void> notify(std::shared_ptr<connection> through, draft message) {
  if (through == nullptr) throw boost::system::system_error(errc::closed);
  auto sending = through->notify(std::move(message));
  auto sent = on_its_executor(through, std::move(sending));
  co_await std::move(sent);
}

asio::awaitable<reply> await_ticket(ticket claim, lender from) {
  auto answer = claim.through()->await_reply(claim.id(), from);
  co_return co_await std::move(answer);
}

ticket::~ticket() {
  if (connection_) connection_->forget(id_);
}

output_chain draft::empty() { return output_chain(*shared_buffer_pool(), 512); }

void draft::method(std::string_view name) {
  text_.append(R"("method":)");
  encode(text_, name);
}

void draft::append_to(output_chain& out) && { out.append(std::move(text_)); }

bool check_whole_params(json_kind kind) {
  if (kind == json_kind::null) return false;
  if (kind == json_kind::array || kind == json_kind::object) return true;
  throw boost::system::system_error(errc::not_encodable, "params must be an array or an object");
}

}  // namespace antiphon::detail

namespace antiphon {

batch::batch(std::shared_ptr<detail::connection> through, detail::lender from)
    : connection_(std::move(through)), from_(from), members_(*shared_buffer_pool(), 4 * 1024) {
  if (connection_ == nullptr) throw boost::system::system_error(errc::closed);
}

batch::~batch() {
  for (const std::uint64_t id : calls_) connection_->give_up(id, errc::cancelled);
}

detail::ticket batch::add_call(detail::draft message) {
  const std::uint64_t id = connection_->add_batch_call(std::move(message), members_, size_ == 0);
  ++size_;
  calls_.push_back(id);
  return detail::ticket(connection_, id);
}

void batch::add_notification(detail::draft message) {
  members_.append(size_++ == 0 ? '[' : ',');
  members_.append(R"({"jsonrpc":"2.0",)");
  std::move(message).append_to(members_);
  members_.append('}');
}

asio::awaitable<void> batch::send() {
  if (size_ == 0) co_return;
  auto calls = std::exchange(calls_, {});
  const std::size_t size = std::exchange(size_, 0);
  auto sent = connection_->send_batch(std::move(members_), std::move(calls), size);
  members_ = output_chain(*shared_buffer_pool(), 4 * 1024);
  co_await std::move(sent);
}

void peer::close(std::chrono::milliseconds drain) const {
  if (connection_ == nullptr) return;
  asio::dispatch(connection_->executor(), [c = connection_, drain] { c->close(drain); });
}

void peer::close() const {
  if (connection_ != nullptr) close(connection_->options().close_timeout);
}

endpoint_stats peer::stats() const {
  return connection_ == nullptr ? endpoint_stats() : connection_->stats();
}

asio::any_io_executor peer::get_executor() const {
  return connection_ == nullptr ? asio::any_io_executor() : connection_->executor();
}

}  // namespace antiphon
