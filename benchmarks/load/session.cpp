#include "benchmarks/load/session.hpp"

#include "benchmarks/load/failure.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <span>

namespace load {
namespace {

using namespace std::chrono_literals;

// How long a server on a socket has for noticing that we are done.
constexpr auto time_to_end = 2s;

antiphon::limits generous() {
  antiphon::limits bounds;
  bounds.message_bytes = std::size_t{1} << 30;
  return bounds;
}

/// 0 for what is no id of ours.
std::uint64_t id_of(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  return problem == std::errc() && end == text.data() + text.size() ? id : 0;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t most = 200;
  return text.size() <= most ? std::string(text)
                             : fmt::format("{}... ({} bytes)", text.substr(0, most), text.size());
}

/// Waits for one of `polled` until `last`. False also when the watchdog barks.
bool ready(std::span<pollfd> polled, time_point last) {
  const auto most = std::clamp(last - clock::now(), nanoseconds(0), nanoseconds(1h));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(most);
  const timespec time{.tv_sec = whole.count(), .tv_nsec = (most - whole).count()};
  return ::ppoll(polled.data(), polled.size(), &time, nullptr) > 0;
}

}  // namespace

session::session(channel& over, const antiphon::framing_factory& framing, const message_plan& plan,
                 std::size_t most, nanoseconds patience)
    : channel_(&over),
      ledger_(most),
      outbox_(plan.most_copied()),
      limits_(generous()),
      inbox_(framing(limits_)),
      now_(clock::now()),
      active_(now_),
      patience_(patience),
      watchdog_(std::min<nanoseconds>(patience, 1s)) {}

void session::post(const shape& frame, time_point due) {
  if (idle()) active_ = clock::now();
  const std::uint64_t first = ledger_.next_id();
  for (std::size_t i = 0; i < frame.id_at.size(); ++i) ledger_.open(due, frame.expected);
  outbox_.add(frame, first);
  if (frame.id_at.empty()) ++counts_->done;
}

void session::flush() {
  if (outbox_.empty()) return;
  const ssize_t wrote = channel_->write(outbox_.parts());
  if (wrote < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (wrote < 0) throw failure(why("the server takes no more input"));
  outbox_.drop(static_cast<std::size_t>(wrote));
  counts_->bytes_sent += static_cast<std::size_t>(wrote);
  // The way is full again: the server has read what was in it before.
  if (!outbox_.empty()) active_ = clock::now();
}

void session::wait(time_point alarm) {
  if (all_written() && alarm == time_point::max()) return receive();
  std::array<pollfd, 2> polled{pollfd{.fd = channel_->input.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = channel_->output.get(), .events = POLLOUT, .revents = 0}};
  if (!ready(std::span(polled).first(all_written() ? 1 : 2), alarm)) return check_patience();
  if (polled[0].revents != 0) receive();
}

void session::finish() {
  channel_->end_output();
  const time_point last = clock::now() + time_to_end;
  pollfd polled{.fd = channel_->input.get(), .events = POLLIN, .revents = 0};
  while (clock::now() < last) {
    if (!ready({&polled, 1}, last)) continue;
    const reading got = read_once();
    if (got == reading::bytes) take_frames();
    if (got != reading::end) continue;
    if (const auto frame = inbox_.finish()) take_frame(*frame);
    return;
  }
}

void session::receive() {
  switch (read_once()) {
    case reading::bytes: take_frames(); break;
    case reading::nothing: check_patience(); break;
    case reading::end:
      throw failure(fmt::format("the server ended its output, with {} requests unanswered", in_flight()));
  }
}

session::reading session::read_once() {
  const auto space = inbox_.space();
  const ssize_t got = ::read(channel_->input.get(), space.data(), space.size());
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return reading::end;
  if (got < 0 && errno == EINTR) return reading::nothing;
  if (got < 0) throw failure(why("cannot read from the server"));
  now_ = active_ = clock::now();
  inbox_.commit(static_cast<std::size_t>(got));
  counts_->bytes_received += static_cast<std::size_t>(got);
  return reading::bytes;
}

void session::take_frames() {
  for (;;) {
    if (take_known(inbox_.untouched())) {
      inbox_.skip(known_.size());
      continue;
    }
    const auto frame = inbox_.next();
    if (!frame) break;
    // A long one has come in pieces.
    if (!take_known(frame->whole)) take_frame(*frame);
  }
  counts_->pace.note(now_, counts_->done);
}

bool session::take_known(std::string_view input) {
  ledger::entry* const asked = ledger_.find(known_.id_in(input));
  if (asked == nullptr || asked->expected != known_.expected()) return false;
  count(*asked);
  return true;
}

void session::take_frame(const inbox::frame& frame) {
  antiphon::frame_messages members(frame.body);
  if (!members.is_batch()) return take_message(frame.body, frame.whole);
  while (const auto member = members.next()) take_message(*member, {});
}

void session::take_message(std::string_view text, std::string_view frame) {
  const auto message = antiphon::message_view::parse(text, limits_);
  switch (message.kind()) {
    case antiphon::message_kind::response:
    case antiphon::message_kind::error_response: take_answer(message, text, frame); break;
    case antiphon::message_kind::invalid:
      throw failure(fmt::format("no JSON-RPC message: {}: {}", message.problem(), shortened(text)));
    // A server may tell its client something; nobody listens here.
    case antiphon::message_kind::request:
    case antiphon::message_kind::notification: break;
  }
}

void session::take_answer(const antiphon::message_view& answer, std::string_view text,
                          std::string_view frame) {
  ledger::entry* const asked = ledger_.find(id_of(answer.id_text()));
  if (asked == nullptr) throw failure(fmt::format("an answer to no request in flight: {}", shortened(text)));
  if (answer.kind() == antiphon::message_kind::error_response) {
    if (counts_->errors++ == 0) counts_->first_error = shortened(answer.error_text());
  } else if (!asked->expected->accepts(answer.result_text())) {
    throw failure(fmt::format("a wrong result: {}", shortened(text)));
  } else if (!frame.empty()) {
    known_.learn(frame, answer.id_text(), asked->expected);
  }
  count(*asked);
}

void session::count(ledger::entry& answered) {
  ++counts_->done;
  if (answered.due != unmeasured) {
    const auto latency = std::max(now_ - answered.due, nanoseconds(0));
    counts_->latency.record(static_cast<std::uint64_t>(latency.count()));
  }
  ledger_.close(answered);
}

void session::check_patience() const {
  if (idle() || clock::now() - active_ < patience_) return;
  throw failure(fmt::format("the server has done nothing for {} s, with {} requests unanswered",
                            seconds_in(patience_), in_flight()));
}

}  // namespace load
