#include "benchmarks/load/session.hpp"

#include "benchmarks/load/failure.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

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

/// Waits for `most`, which may be over, for one of `polled`.
bool ready(pollfd* polled, nfds_t count, nanoseconds most) {
  most = std::clamp(most, nanoseconds(0), nanoseconds(1h));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(most);
  const timespec time{.tv_sec = whole.count(), .tv_nsec = (most - whole).count()};
  return ::ppoll(polled, count, &time, nullptr) > 0;
}

}  // namespace

session::session(channel& over, const antiphon::framing_factory& framing, const message_plan& plan,
                 std::size_t most, nanoseconds patience)
    : channel_(&over),
      ledger_(most),
      outbox_(plan.most_copied()),
      limits_(generous()),
      decoder_(framing(limits_), limits_, heap_),
      now_(clock::now()),
      active_(now_),
      patience_(patience) {}

void session::post(const shape& frame, time_point due) {
  if (idle()) active_ = clock::now();
  const std::uint64_t first = ledger_.next_id();
  for (std::size_t i = 0; i < frame.id_at.size(); ++i) ledger_.open(due, frame.expected);
  outbox_.add(frame, first);
  if (frame.id_at.empty()) ++counts_->done;
}

void session::flush() {
  while (!outbox_.empty()) {
    const auto parts = outbox_.parts();
    std::size_t wanted = 0;
    for (const iovec& part : parts) wanted += part.iov_len;
    const ssize_t wrote = ::writev(channel_->output.get(), parts.data(), static_cast<int>(parts.size()));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) return;
    if (wrote < 0) throw failure(why("the server takes no more input"));
    outbox_.drop(static_cast<std::size_t>(wrote));
    counts_->bytes_sent += static_cast<std::size_t>(wrote);
    // What is left would not be taken now.
    if (static_cast<std::size_t>(wrote) < wanted) {
      active_ = clock::now();
      return;
    }
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

void session::wait(time_point alarm) {
  std::array<pollfd, 2> polled{pollfd{.fd = channel_->input.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = channel_->output.get(), .events = POLLOUT, .revents = 0}};
  const time_point last = idle() ? alarm : std::min(alarm, active_ + patience_);
  if (!ready(polled.data(), all_written() ? 1 : 2, last - clock::now())) return check_patience();
  if (polled[1].revents != 0) active_ = clock::now();
  if (polled[0].revents != 0) receive();
}

void session::finish() {
  channel_->end_output();
  channel_->set_blocking(false);
  const time_point last = clock::now() + time_to_end;
  pollfd polled{.fd = channel_->input.get(), .events = POLLIN, .revents = 0};
  while (ready(&polled, 1, last - clock::now())) {
    const reading got = read_once();
    if (got == reading::bytes) take_frames();
    if (got != reading::end) continue;
    if (decoder_.finish().error) throw failure("the server's output ends inside a message");
    break;
  }
}

session::reading session::read_once() {
  antiphon::buffer& into = decoder_.prepare();
  const auto space = into.space();
  const ssize_t got = ::read(channel_->input.get(), space.data(), space.size());
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return reading::end;
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return reading::nothing;
  if (got < 0) throw failure(why("cannot read from the server"));
  now_ = active_ = clock::now();
  into.commit(static_cast<std::size_t>(got));
  counts_->bytes_received += static_cast<std::size_t>(got);
  return reading::bytes;
}

void session::take_frames() {
  for (;;) {
    const auto next = decoder_.next();
    if (next.status == antiphon::framing::status::need_more) break;
    if (next.status == antiphon::framing::status::failed)
      throw failure(fmt::format("the server's output is no sequence of frames: {}", next.error.message()));
    antiphon::frame_messages members(next.frame);
    if (!members.is_batch()) {
      take_message(next.frame);
    } else {
      while (const auto member = members.next()) take_message(*member);
    }
  }
  counts_->pace.note(now_, counts_->done);
}

void session::take_message(std::string_view text) {
  const auto message = antiphon::message_view::parse(text, limits_);
  switch (message.kind()) {
    case antiphon::message_kind::response:
    case antiphon::message_kind::error_response: take_answer(message, text); break;
    case antiphon::message_kind::invalid:
      throw failure(fmt::format("no JSON-RPC message: {}: {}", message.problem(), shortened(text)));
    // A server may tell its client something; nobody listens here.
    case antiphon::message_kind::request:
    case antiphon::message_kind::notification: break;
  }
}

void session::take_answer(const antiphon::message_view& answer, std::string_view text) {
  const ledger::entry asked = ledger_.close(id_of(answer.id_text()));
  if (asked.id == 0) throw failure(fmt::format("an answer to no request in flight: {}", shortened(text)));
  ++counts_->done;
  counts_->latency.record(static_cast<std::uint64_t>(std::max(now_ - asked.due, nanoseconds(0)).count()));
  if (answer.kind() == antiphon::message_kind::error_response) {
    if (counts_->errors++ == 0) counts_->first_error = shortened(answer.error_text());
  } else if (!asked.expected->accepts(answer.result_text())) {
    throw failure(fmt::format("a wrong result: {}", shortened(text)));
  }
}

void session::check_patience() const {
  if (idle() || clock::now() - active_ < patience_) return;
  throw failure(fmt::format("the server has done nothing for {} s, with {} requests unanswered",
                            seconds_in(patience_), in_flight()));
}

}  // namespace load
