#include "lib/local_time.hpp"

#include <antiphon/middleware/tracing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <unordered_map>

namespace antiphon {

namespace {

// Of calls without an answer, whose methods are kept for it.
constexpr std::size_t most_open = 10'000;
// Of text that is no message.
constexpr std::size_t most_shown = 200;

using wall_clock = std::chrono::system_clock;

std::string time_of_day(wall_clock::time_point now) {
  const std::tm local = detail::local_time(wall_clock::to_time_t(now));
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

// JSON's line ends stand between its tokens only.
std::string in_one_line(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

// What is no JSON may hold anything.
std::string printable(std::string_view text) {
  std::string shown(text.substr(0, most_shown));
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return text.size() > most_shown ? shown + "..." : shown;
}

bool is_answer(message_kind kind) noexcept {
  return kind == message_kind::response || kind == message_kind::error_response;
}

std::string_view noun_of(message_kind kind) noexcept {
  switch (kind) {
    case message_kind::request: return "request";
    case message_kind::notification: return "notification";
    default: return "response";
  }
}

std::string_view without_quotes(std::string_view id) noexcept {
  return id.size() >= 2 && id.front() == '"' ? id.substr(1, id.size() - 2) : id;
}

}  // namespace

struct tracing::shared {
  function write;
  trace_format format;
  side seen_from;
  std::mutex one_at_a_time;

  void put(std::string_view entry) {
    const std::lock_guard lock(one_at_a_time);
    write(entry);
  }
  bool outgoing(const message_event& message) const noexcept {
    return (message.direction() == message_direction::outgoing) == (seen_from == side::own);
  }
};

/// The calls of one connection that have no answer yet, by their ids' texts.
struct tracing::calls {
  struct open_call {
    std::string method;
    message_event::clock::time_point begun;
  };
  std::unordered_map<std::string, open_call> ours;
  std::unordered_map<std::string, open_call> theirs;
};

tracing::tracing(function write, trace_format format, side seen_from) : shared_(std::make_shared<shared>()) {
  shared_->write = std::move(write);
  shared_->format = format;
  shared_->seen_from = seen_from;
}

tracing::tracing(std::shared_ptr<shared> with)
    : shared_(std::move(with)), calls_(std::make_unique<calls>()) {}

tracing::~tracing() = default;

std::shared_ptr<middleware> tracing::for_connection() {
  return std::shared_ptr<middleware>(new tracing(shared_));
}

void tracing::received(const message_event& message) {
  shared_->format == trace_format::inspector ? write_line(message) : write_text(message);
}

void tracing::sent(const message_event& message) {
  shared_->format == trace_format::inspector ? write_line(message) : write_text(message);
}

void tracing::write_line(const message_event& message) {
  const auto now = wall_clock::now();
  if (message.kind() == message_kind::invalid) {
    shared_->put(fmt::format("[Trace - {}] Received what is no message: {}\n", time_of_day(now),
                             printable(message.text())));
    return;
  }
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  shared_->put(
      fmt::format(R"([LSP   - {}] {{"isLSPMessage":true,"type":"{}-{}","message":{},"timestamp":{}}})"
                  "\n",
                  time_of_day(now), shared_->outgoing(message) ? "send" : "receive", noun_of(message.kind()),
                  in_one_line(message.text()), since.count()));
}

void tracing::write_text(const message_event& message) {
  const std::string begin = fmt::format("[Trace - {}] ", time_of_day(wall_clock::now()));
  if (message.kind() == message_kind::invalid) {
    shared_->put(begin + "Received what is no message.\nText: " + printable(message.text()) + "\n\n\n");
    return;
  }
  const bool out = message.direction() == message_direction::outgoing;
  const bool shown_out = shared_->outgoing(message);
  const std::string_view id = without_quotes(message.id());
  std::string entry = begin + (shown_out ? "Sending " : "Received ");
  entry += noun_of(message.kind());
  if (message.kind() == message_kind::notification) {
    entry += fmt::format(" '{}'.", message.method());
  } else if (message.kind() == message_kind::request) {
    entry += fmt::format(" '{} - ({})'.", message.method(), id);
    auto& open = out ? calls_->ours : calls_->theirs;
    if (open.size() < most_open)
      open[std::string(message.id())] = {std::string(message.method()), message.at()};
  } else {
    auto& open = out ? calls_->theirs : calls_->ours;
    const auto call = open.find(std::string(message.id()));
    if (call == open.end()) {
      entry += fmt::format(" {} without a request.", id);
    } else {
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(message.at() - call->second.begun);
      entry += shown_out ? fmt::format(" '{} - ({})'. Processing request took {}ms", call->second.method, id,
                                       took.count())
                         : fmt::format(" '{} - ({})' in {}ms.", call->second.method, id, took.count());
      open.erase(call);
    }
  }
  const std::string body = in_one_line(message.body());
  if (is_answer(message.kind())) {
    entry += message.kind() == message_kind::response ? "\nResult: " : "\nError: ";
    entry += body;
  } else {
    entry += body.empty() ? "\nNo parameters provided." : "\nParams: " + body;
  }
  shared_->put(entry + "\n\n\n");
}

}  // namespace antiphon
