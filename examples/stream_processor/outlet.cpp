#include "outlet.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace stream {

namespace asio = boost::asio;

void outlet::put(const antiphon::peer& to, std::string_view params) {
  if (!next_) next_.emplace(to.new_batch());
  next_->notify("publish", antiphon::raw_json(params));
  ++waiting_;
  waiting_bytes_ += params.size();
}

asio::awaitable<void> outlet::send() {
  // Whoever waits for room must go on, whatever becomes of this.
  struct ending {
    outlet& of;
    ~ending() {
      of.sending_ = false;
      of.waiting_ = of.waiting_bytes_ = 0;
      of.next_.reset();
      of.room_.cancel();
    }
  };
  sending_ = true;
  const ending at_the_end{*this};
  while (waiting_ > 0) {
    antiphon::batch batch = std::move(*next_);
    next_.reset();
    waiting_ = waiting_bytes_ = 0;
    room_.cancel();
    auto sent = batch.send();
    co_await std::move(sent);
  }
}

asio::awaitable<void> outlet::room() {
  while (full() && sending_) {
    room_.expires_at(asio::steady_timer::time_point::max());
    auto changed = room_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(changed);
  }
}

}  // namespace stream
