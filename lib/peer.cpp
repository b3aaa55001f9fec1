// What peer handles and batches do: they go to the connection, on its executor.

#include "lib/errand.hpp"
#include "lib/record.hpp"
#include "lib/sending.hpp"

#include <antiphon/transport/buffer_pool.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/strand.hpp>

namespace antiphon::detail {

asio::awaitable<reply> request(std::shared_ptr<connection> through, draft message, call_options options,
                               lender from) {
  return connection::request(std::move(through), std::move(message), std::move(options), from);
}

asio::awaitable<void> notify(std::shared_ptr<connection> through, draft message) {
  return connection::notify(std::move(through), std::move(message));
}

namespace {

asio::awaitable<void> compute(inbound_call& call, held_handler& held) {
  asio::awaitable<void> rest = held.start(call);
  if (rest.valid()) co_await std::move(rest);
}

}  // namespace

asio::awaitable<void> run_elsewhere(inbound_call& call, std::unique_ptr<held_handler> held,
                                    asio::any_io_executor where) {
  try {
    auto handling = compute(call, *held);
    // A thread pool isn't serial, and a cancellation must not come beside what it cancels.
    auto handled = run_on(asio::any_io_executor(asio::make_strand(where)), std::move(handling));
    co_await std::move(handled);
    held->answer(call);
  } catch (...) {
    call.fail(std::current_exception());
  }
}

asio::awaitable<reply> await_ticket(ticket claim, lender from) {
  auto answer = claim.through()->await_reply(claim.id(), from);
  co_return co_await std::move(answer);
}

ticket::~ticket() {
  if (connection_) connection_->forget(id_, false);
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

// What is written for a member that then can't be added is taken back.
template <class Write>
void batch::add_member(Write write) {
  static const detail::bare_framing bare;
  members_.begin_frame(bare);
  try {
    write();
    members_.end_frame(bare);
  } catch (...) {
    members_.drop_frame();
    throw;
  }
  ++size_;
}

detail::ticket batch::add_call(detail::draft message) {
  detail::make_room(calls_);
  std::uint64_t id = 0;
  add_member([&] { id = connection_->add_batch_call(std::move(message), members_, size_ == 0); });
  calls_.push_back(id);
  return detail::ticket(connection_, id);
}

void batch::add_notification(detail::draft message) {
  add_member([&] {
    members_.append(size_ == 0 ? '[' : ',');
    members_.append(detail::message_head);
    std::move(message).append_to(members_);
    members_.append('}');
  });
}

asio::awaitable<void> batch::send() {
  if (size_ == 0) co_return;
  const auto calls = std::exchange(calls_, {});
  const std::size_t size = std::exchange(size_, 0);
  output_chain members(*shared_buffer_pool(), 4 * 1024);
  std::swap(members, members_);
  try {
    auto sent = connection_->send_batch(std::move(members), calls, size);
    co_await std::move(sent);
  } catch (const std::bad_alloc&) {
    // Where they have been sent all the same, the answers come too late.
    for (const std::uint64_t id : calls)
      connection_->give_up(id, make_error_code(boost::system::errc::not_enough_memory));
    throw;
  }
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
