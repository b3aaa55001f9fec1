// What a relay passes on: requests that leave over this connection for somebody else, and answers that come
// back for what came in here. No coroutine has a part in it, and only the envelope is written anew.

#include "lib/sending.hpp"
#include "lib/waiting.hpp"

#include <boost/asio/co_spawn.hpp>

namespace antiphon::detail {

// As it stands, unless a line break in it would end the message.
void connection::append_payload(output_chain& out, const slice& value) {
  if (decoder_.rules().tail().empty()) return out.append(value);
  encode(out, raw_json(value));
}

void connection::append_passed_on(const passed_on& what) {
  out_.append(R"("method":)");
  encode(out_, what.method);
  if (what.params.empty() || what.params.front().empty()) return;
  out_.append(R"(,"params":)");
  for (const slice& part : what.params) append_payload(out_, part);
}

std::uint64_t connection::forward_request(const passed_on& what, transit& who) {
  pending_calls::entry& call = send_call([&](pending_calls::entry&) { append_passed_on(what); });
  call.through = &who;
  return call.id;
}

void connection::forward_notification(const passed_on& what) {
  send_frame([&] {
    out_.append(message_head);
    append_passed_on(what);
    out_.append('}');
  });
  ++stats_.notifications_sent;
}

void connection::when_there_is_room(std::function<void()> then) {
  on_end waited([self = shared_from_this(), then = std::move(then)](const std::exception_ptr&,
                                                                    bool destroyed) noexcept {
    if (destroyed) return self->out_of_memory();
    then();
  });
  asio::co_spawn(executor_, wait_for_room(clock::time_point::max()), std::move(waited));
}

void connection::leave_to(record& call, transit& who) {
  in_flight_.remove(call);
  who.id.assign(call.id_);
  who.method.assign(call.method_);
  call.id_ = who.id;
  call.method_ = who.method;
  in_flight_.add(call);
  call.text = {};
  call.params_ = {};
  call.pinned = {};
  call.transit = &who;
}

void connection::answer_forwarded(record& call, bool is_error, const slice& value) noexcept {
  call.transit = nullptr;
  if (is_error) call.outcome = handler_outcome::failed;
  if (!call.answered && can_send()) {
    try {
      output_chain& out = open_reply(call.batch);
      out.append(reply_head, call.id_, is_error ? std::string_view(R"(,"error":)") : R"(,"result":)");
      append_payload(out, value);
      if (is_error) {
        out.append('}');
        show_answer(call.batch, message_kind::error_response, call.id_, call.method_);
        close_reply(call.batch, unbounded(call));
        ++stats_.errors_sent;
      } else {
        close_result(call);
      }
    } catch (...) {  // as in answer_error
      drop_reply(call.batch);
      lost(make_error_code(boost::system::errc::not_enough_memory));
    }
  }
  finished(call);
}

void connection::fail_forwarded(record& call, int code, std::string_view message,
                                std::string_view data) noexcept {
  call.transit = nullptr;
  std::optional<raw_json> details;
  if (!data.empty()) details = raw_json(data);
  answer_error(call, code, message, details);
}

// Nobody waits for the answers any more.
void connection::release_transits() noexcept {
  for (const auto& call : records_) {
    transit* const who = std::exchange(call->transit, nullptr);
    if (who == nullptr) continue;
    in_flight_.remove(*call);
    call->id_ = call->method_ = {};
    who->caller_gone();
  }
}

}  // namespace antiphon::detail
