#pragma once

#include "lib/observers.hpp"
#include "lib/outbox.hpp"
#include "lib/pending_calls.hpp"
#include "lib/processor.hpp"
#include "lib/record.hpp"
#include "lib/saturating_time.hpp"
#include "lib/seldom_needed.hpp"
#include "lib/silence_watch.hpp"
#include "lib/stall_watch.hpp"
#include "lib/transit.hpp"
#include "lib/waiting.hpp"
#include "lib/write_waiters.hpp"
#include "transport/reserve.hpp"

#include <antiphon/endpoint.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/output_chain.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace antiphon::detail {

/// What an endpoint is made of: the state of one connection and the coroutines that drive it.
///
/// Everything runs on the transport's executor. Shared by the endpoint, its peer handles and its coroutines.
/// One class in eleven files: connection.cpp has its beginning and its end, turns.cpp what goes on between
/// two handlers of the executor, reading.cpp the reader, writing.cpp the writer, incoming.cpp the messages of
/// the peer, keeping.cpp what is kept of them, handlers.cpp their coroutines and cancellation, answers.cpp
/// what they are answered, outgoing.cpp our own calls, forwarding.cpp what a relay passes on, timeouts.cpp
/// the time limits of calls and handlers.
class connection : public std::enable_shared_from_this<connection> {
 public:
  using clock = std::chrono::steady_clock;

  connection(transport_ptr over, router routes, std::shared_ptr<const endpoint_options> options);
  ~connection();

  // connection.cpp: its life
  void start(std::function<asio::awaitable<void>()> body);
  /// What to await until it has ended. Cancelling that closes it.
  auto finished() {
    make_room(waiting_for_end_);
    return suspended<ended>([this](auto handler) {
      const bool cancellable =
          on_cancellation(handler, [this](asio::cancellation_type) { close(options_.close_timeout); });
      tell_end(waiter<ended>(std::move(handler)));
      if (!cancellable) out_of_memory();
    });
  }
  void close(std::chrono::milliseconds drain);
  /// The endpoint is gone: no drain, no flush.
  void abandon() noexcept;
  endpoint_stats stats() const;
  const endpoint_options& options() const noexcept { return options_; }
  const asio::any_io_executor& executor() const noexcept { return executor_; }
  /// Rethrows what the body of `run` threw, unless it was cancelled because the connection had ended.
  void rethrow_body_failure();

  // answers.cpp, keeping.cpp, handlers.cpp: called by inbound_call
  output_chain* begin_result(record& call);
  void drop_result(record& call) noexcept;
  void end_result(record& call);
  void finished(record& call) noexcept;
  static asio::awaitable<void> answer_early(std::shared_ptr<connection> through, lender to,
                                            output_chain result);
  void answer_error(record& call, int code, std::string_view message,
                    const std::optional<raw_json>& data) noexcept;
  void fail(record& call, std::exception_ptr why) noexcept;
  void keep(record& call);
  void run(record& call, asio::awaitable<void> handler);
  void release_order(record& call);

  // outgoing.cpp
  // From any executor. Each is one coroutine, since each frame is memory.
  static asio::awaitable<reply> request(std::shared_ptr<connection> through, draft message,
                                        call_options options, lender from);
  static asio::awaitable<void> notify(std::shared_ptr<connection> through, draft message);
  std::uint64_t add_batch_call(draft message, output_chain& members, bool first);
  /// @param calls stay where they are until it ends
  asio::awaitable<void> send_batch(output_chain members, std::span<const std::uint64_t> calls,
                                   std::size_t size);
  asio::awaitable<reply> await_reply(std::uint64_t id, lender from);
  void give_up(std::uint64_t id, error_code why) noexcept;
  /// Nobody will ask for the answer any more. Nothing happens when somebody waits for it.
  /// @param tell the peer hears that it is cancelled
  void forget(std::uint64_t id, bool tell) noexcept;

  // forwarding.cpp: for a relay, on the executor.
  bool takes_requests() const noexcept { return can_send() && !ended_answers(); }
  /// Whether what we have yet to write may grow: if not, `when_there_is_room`.
  bool has_room() const noexcept { return backlog() <= options_.max_outgoing_bytes; }
  /// Posts `then` once there is room, or the connection has ended.
  void when_there_is_room(std::function<void()> then);
  /// Forwards a request, of whose end `who` is told. Only while the connection takes requests.
  /// @return its id here
  std::uint64_t forward_request(const passed_on& what, transit& who);
  void forward_notification(const passed_on& what);
  /// Tells the peer; its answer still comes.
  void cancel_forwarded(std::uint64_t id) noexcept { write_cancel(id); }
  /// From here on `who` answers the request, with one of the next two; nothing of its message is kept but
  /// what stands in `who`.
  void leave_to(record& call, transit& who);
  void answer_forwarded(record& call, bool is_error, const slice& value) noexcept;
  /// The same with an error of our own.
  void fail_forwarded(record& call, int code, std::string_view message, std::string_view data) noexcept;
  /// Reading pauses until `release_reading` has been called as often.
  void hold_reading() noexcept { ++reading_held_; }
  void release_reading() noexcept {
    if (--reading_held_ == 0 && phase_ != phase::finished) turn_later();
  }

 private:
  enum class phase : std::uint8_t { created, open, draining, closing, finished };

  // connection.cpp
  static clock::time_point from_now(std::chrono::milliseconds time);
  void route_statistics();
  void open(std::shared_ptr<connection> alive);
  void run_body(std::shared_ptr<std::function<asio::awaitable<void>()>> body) noexcept;
  void await_end(std::shared_ptr<connection> owner, clock::time_point look_at);
  void on_change(std::shared_ptr<connection> owner);
  asio::awaitable<void> end_in_order(std::shared_ptr<connection> owner);
  bool cancel_body() noexcept;
  asio::awaitable<void> drain();
  asio::awaitable<void> flush_out();
  asio::awaitable<void> linger();
  /// What to await until something changes or it is late.
  auto next_change(clock::time_point until) {
    change_timer_->expires_at(waking_at(until));
    return wait_with(change_memory_, *change_timer_, [this] {
      if (turn_by_hand_) turn();
    });
  }
  clock::time_point waking_at(clock::time_point until) const noexcept;
  void end(end_reason reason, error_code error, std::chrono::milliseconds drain) noexcept;
  void lost(error_code error) noexcept;
  void changed() noexcept;
  void tell_end(waiter<ended> who) noexcept;
  /// There is none for what the connection needs to go on.
  void out_of_memory() noexcept;
  error_code why_closed() const noexcept;
  bool can_send() const noexcept { return phase_ < phase::closing && !lost_; }
  /// Something runs or waits, or the reader has paused within a batch, whose other members want answers too.
  bool handles() const noexcept { return !processor_.idle() || batch_.has_value(); }
  void abandon_waiters() noexcept;
  void release_io() noexcept;

  // turns.cpp
  void turn_later() noexcept;
  void turn() noexcept;
  void end_of_turn();
  void run_queue();
  void resume_due() noexcept;
  template <class... Result>
  void resume(waiter<Result...> who, std::type_identity_t<Result>... result) noexcept;
  void rethrow_escaped();

  // reading.cpp
  void start_reader(std::shared_ptr<connection> self);
  void reader_ended(const std::exception_ptr& failure, bool destroyed) noexcept;
  asio::awaitable<void> read_messages();
  asio::awaitable<void> watch_loop();
  void watch() noexcept;
  void shorten_drain() noexcept;
  void limit_pause();
  void begin_pause();
  void end_pause() noexcept;
  bool owes_too_much(bool expecting) const noexcept;
  bool must_pause() const noexcept;
  /// The peer owes us answers, whether somebody still waits for them or not.
  bool expects_answers() const noexcept {
    // The peer may answer twice, which makes the difference too small.
    return pending_.size() > 0 || stats_.requests_sent > stats_.responses_received - stats_.responses_unknown;
  }
  void refuse_stream(error_code error);
  clock::time_point next_look() const noexcept {
    const auto next = std::min({stuck_until_, silence_.look_at(), look_for_rest_at_});
    return stalls_ ? std::min(next, stalls_->look_at()) : next;
  }
  void look_after();
  void look_for_silence(clock::time_point now);
  void look_for_rest(clock::time_point now) noexcept;
  void plan_rest() noexcept;

  // writing.cpp
  std::size_t backlog() const noexcept { return outbox_.backlog(); }
  void resume_written() noexcept;
  void flush() noexcept;
  void start_writer() noexcept;
  void writer_destroyed() noexcept;
  asio::awaitable<void> write_loop(std::shared_ptr<connection> self);
  void release_written(error_code error) noexcept;
  asio::awaitable<error_code> wait_for_room(clock::time_point until);
  asio::awaitable<error_code> wait_written(outbox::place what);
  using line = write_waiters::line;
  asio::awaitable<error_code> wait_in(line which, std::uint64_t position, clock::time_point until);
  void give_up_writing(line which, std::uint64_t waiter, error_code why) noexcept;

  // incoming.cpp
  void on_frame(std::string_view frame, const error_code& malformed);
  void next_batch_member();
  void on_message(std::string_view text, const std::shared_ptr<batch_reply>& batch);
  bool let_in(std::string_view text, const message_view& message, const std::shared_ptr<batch_reply>& batch);
  void on_request(std::string_view text, const message_view& message,
                  const std::shared_ptr<batch_reply>& batch);
  void on_notification(std::string_view text, const message_view& message);
  void on_invalid(const message_view& message, const std::shared_ptr<batch_reply>& batch);
  std::string_view method_of(const message_view& message);
  bool requests_open() const noexcept { return outbox_.answers() <= options_.max_outgoing_bytes; }
  void admit(record& call);
  void begin(record& call) noexcept;

  // keeping.cpp
  record& take_record(std::string_view text, const message_view& message);
  void name_method(record& call, std::string_view method, bool escaped);
  void release(record& call) noexcept;
  bool pins(std::string_view part) const noexcept;
  slice kept(std::string_view part);

  // handlers.cpp
  asio::awaitable<void> run_handlers(record& call, std::shared_ptr<connection> self);
  void runner_destroyed(record& call) noexcept;
  void fail_orphans() noexcept;
  void release_runners() noexcept;
  void on_cancel(const message_view& message);
  void cancel(record& call) noexcept;
  static void emit_cancel(record& call) noexcept;
  void cancel_running() noexcept;
  void refuse_queued() noexcept;
  void supersede(record& call);

  // answers.cpp
  void answer_without_record(std::string_view id, int code, std::string_view message,
                             const std::optional<raw_json>& data, const std::shared_ptr<batch_reply>& batch,
                             std::string_view method = {});
  output_chain& open_reply(const std::shared_ptr<batch_reply>& batch);
  outbox::place close_reply(const std::shared_ptr<batch_reply>& batch, bool unbounded);
  outbox::place close_result(record& call);
  void show_answer(const std::shared_ptr<batch_reply>& batch, message_kind kind, std::string_view id,
                   std::string_view method) noexcept;
  void drop_reply(const std::shared_ptr<batch_reply>& batch) noexcept;
  void answered(record& call) noexcept;
  /// Whether the answer to it, as it stands now, is none that permits bound.
  static bool unbounded(const record& call) noexcept {
    return call.immediate || call.state == processor::state::idle || call.state == processor::state::queued;
  }
  bool batches_owe_too_much(const batch_reply& batch) const noexcept;
  void batch_member_done(const std::shared_ptr<batch_reply>& batch) noexcept;

  // outgoing.cpp
  template <class Write>
  void send_frame(Write write);
  template <class Write>
  pending_calls::entry& send_call(Write write);
  std::uint64_t send_request(draft message, clock::time_point deadline);
  void send_notification(draft message);
  auto answer_to(std::uint64_t id, lender from);
  void on_response(const message_view& message, bool is_error);
  call_failure error_of(const message_view& message) const;
  void answer_call(pending_calls::entry& call, reply answer) noexcept;
  void end_call(pending_calls::entry& call, error_code why) noexcept;
  void fail_pending(error_code why) noexcept;
  static reply failed(error_code why) noexcept;
  /// Nothing more will be received, so no answer either.
  bool ended_answers() const noexcept {
    return phase_ != phase::created && phase_ != phase::open && ended_.reason != end_reason::closed_here;
  }
  void return_permit(pending_calls::entry& call) noexcept;
  record* lending_record(lender from) noexcept;
  void write_cancel(std::uint64_t id) noexcept;

  // forwarding.cpp
  void append_passed_on(const passed_on& what);
  void append_payload(output_chain& out, const slice& value);
  void release_transits() noexcept;

  // timeouts.cpp
  seldom_needed& seldom();
  struct call_limits {
    clock::time_point first = clock::time_point::max();  // unless there is progress
    clock::time_point last = clock::time_point::max();
  };
  call_limits limits_of(const call_options& options) const;
  void wake_at(clock::time_point when);
  void on_deadline();
  void watch_progress(std::uint64_t id, const call_options& options, call_limits limits);
  void on_progress(const message_view& message);
  auto unanswered() noexcept;
  void limit(record& call);
  void time_out(record& call) noexcept;
  auto about_handler() noexcept;
  void watch_for_stall(record& call);
  void awaits_peer(lender who);
  void look_for_stalls(clock::time_point now);

  asio::any_io_executor executor_;
  std::weak_ptr<connection> alive_;  // what all the coroutines share
  transport_ptr transport_;          // until the coroutines have ended
  router routes_;
  std::shared_ptr<const endpoint_options> shared_options_;  // with other connections, perhaps
  const endpoint_options& options_;
  bare_framing bare_;
  frame_decoder decoder_;
  outbox outbox_;
  output_chain& out_;                             // where its frames are written
  std::vector<std::unique_ptr<record>> records_;  // before the processor, which links them
  std::vector<record*> free_records_;
  processor processor_;
  pending_calls pending_;

  phase phase_ = phase::created;
  ended ended_;
  bool lost_ = false;        // nothing can be sent any more
  bool discarding_ = false;  // what still comes in is thrown away
  bool body_running_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool writer_rests_ = false;  // it is to end, since there is nothing to write
  bool paused_ = false;        // the reader waits for room
  bool watching_ = false;
  bool input_ended_ = false;                                  // the peer sends no more than what is unread
  bool read_to_end_ = false;                                  // and that has been read too
  bool broken_ = false;                                       // nor does it read any more
  clock::time_point stuck_until_ = clock::time_point::max();  // how long a pause may last once that is so
  bool turn_due_ = false;
  bool turn_by_hand_ = false;  // it couldn't be posted
  bool starting_ = false;      // who waits is told by `start` itself if it fails
  bool resume_due_ = false;    // somebody who waits is to be resumed
  bool orphans_ = false;       // there are records whose coroutines were destroyed
  bool in_reader_ = false;
  std::uint32_t reading_held_ = 0;
  clock::time_point drain_until_{};

  struct room_waiter final : memory_waiter {
    explicit room_waiter(connection& owner) noexcept : home(owner) {}
    bool memory_returned() noexcept override;
    connection& home;
  };
  room_waiter room_{*this};
  gate reader_gate_;
  gate writer_gate_;
  reserve change_memory_;
  std::optional<asio::steady_timer> change_timer_;
  std::unique_ptr<seldom_needed> seldom_;  // once something of it is needed
  std::unique_ptr<stall_watch> stalls_;    // where stalls are to be reported
  silence_watch silence_;
  // While it is open. Traffic leaves a count behind, never touches a timer.
  clock::time_point look_for_rest_at_ = clock::time_point::max();
  std::uint64_t bytes_before_rest_ = 0;
  std::vector<waiter<ended>> waiting_for_end_;
  asio::cancellation_signal body_cancel_;
  std::exception_ptr body_failure_;
  bool body_cancelled_ = false;

  std::size_t batched_bytes_ = 0;  // answers of batches that aren't complete
  write_waiters write_waiters_;
  std::exception_ptr escaped_;  // from somebody who was resumed
  std::vector<slice> parts_;
  std::vector<std::string_view> part_views_;

  // The batch that the reader is in the middle of.
  struct batch_walk {
    frame_messages members;
    std::shared_ptr<batch_reply> reply;
  };
  std::optional<batch_walk> batch_;

  requests_in_flight in_flight_;
  std::string method_scratch_;

  endpoint_stats stats_;

  observers observers_;
};

template <class... Result>
void connection::resume(waiter<Result...> who, std::type_identity_t<Result>... result) noexcept {
  try {
    who(std::move(result)...);
  } catch (...) {
    if (!escaped_) escaped_ = std::current_exception();
  }
}

}  // namespace antiphon::detail
