#pragma once

#include <antiphon/peer.hpp>

namespace antiphon {

namespace detail {

/// The claim to one answer of a batch; giving it up is telling nobody.
class ticket {
 public:
  ticket(std::shared_ptr<connection> through, std::uint64_t id) noexcept
      : connection_(std::move(through)), id_(id) {}
  ticket(ticket&& other) noexcept = default;
  ticket& operator=(ticket&& other) noexcept = default;
  ~ticket();

  const std::shared_ptr<connection>& through() const noexcept { return connection_; }
  std::uint64_t id() const noexcept { return id_; }

 private:
  std::shared_ptr<connection> connection_;
  std::uint64_t id_;
};

asio::awaitable<reply> await_ticket(ticket claim, lender from);

}  // namespace detail

/// Calls and notifications that leave in one frame (JSON-RPC 2.0, section 6).
///
///     auto batch = server.new_batch();
///     auto sum = batch.call<int>("add", 1, 2);
///     batch.notify("log", "added");
///     co_await batch.send();
///     int three = co_await std::move(sum);
///
/// A peer that answers the whole batch with one error without an id answers none of its calls: they end with
/// their time limit. Used on the endpoint's executor only. Not sent by its destructor: its calls then end
/// with `errc::cancelled`.
class batch {
 public:
  batch(std::shared_ptr<detail::connection> through, detail::lender from);
  batch(batch&&) noexcept = default;
  batch& operator=(batch&&) = delete;
  ~batch();

  /// Adds a call; arguments as for `peer::call`. The result may be awaited before or after `send`.
  template <class R = raw_json, class... Args>
  asio::awaitable<R> call(std::string_view method, const Args&... args) {
    return detail::await_result<R>(detail::await_ticket(add_call(detail::draft(method, args...)), from_));
  }
  /// Adds a notification.
  template <class... Args>
  void notify(std::string_view method, const Args&... args) {
    add_notification(detail::draft(method, args...));
  }
  /// Sends what was added; completes when it is written. An empty batch sends nothing. The endpoint's
  /// `call_timeout` holds for each call in it.
  asio::awaitable<void> send();

 private:
  detail::ticket add_call(detail::draft message);
  void add_notification(detail::draft message);
  template <class Write>
  void add_member(Write write);

  std::shared_ptr<detail::connection> connection_;
  detail::lender from_;
  output_chain members_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> calls_;
};

inline batch peer::new_batch() const { return batch(connection_, from_); }

}  // namespace antiphon
