#include "benchmarks/load/shapes.hpp"

#include "benchmarks/load/ledger.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace load {
namespace {

// A longer frame isn't copied for each sending.
constexpr std::size_t most_worth_copying = 16 * 1024;
// In mixed mode: what a document is to a keystroke.
constexpr std::size_t large_size = 64 * 1024;
constexpr std::size_t mixed_batch = 10;

struct payload {
  std::string params;
  expected_result expected;
};

std::string string_of(std::size_t size) {
  constexpr std::string_view text = "The quick brown fox jumps over the lazy dog. ";
  std::string all;
  while (all.size() < size) all += text.substr(0, size - all.size());
  return fmt::format("\"{}\"", all);
}

std::string integers_of(std::size_t size) {
  std::string all = "[0";
  for (std::uint64_t n = 1; all.size() + 1 < size; n = n * 7919 % 1'000'003) all += fmt::format(",{}", n);
  return all + ']';
}

/// Parameters of about `size` bytes.
payload payload_of(const options& chosen, std::size_t size) {
  const bool echo = chosen.method == "echo";
  const auto room = std::max<std::size_t>(size, 4) - 4;
  if (!chosen.params.empty())
    return {chosen.params, echo ? expected_result({chosen.params}) : expected_result()};
  if (chosen.filling == filling::scalars)
    return {"[17,25]", chosen.method == "add" ? expected_result({"42"}) : expected_result()};
  const std::string value = chosen.filling == filling::string
                                ? string_of(room)
                                : integers_of(size - std::min<std::size_t>(size, 2));
  std::string params = '[' + value + ']';
  // A server that calls `echo(value)` gives back the value, one that calls `echo(params)` the array.
  return {params, echo ? expected_result({params, value}) : expected_result()};
}

std::string request_text(const options& chosen, std::string_view id, std::string_view params) {
  const std::string member = id.empty() ? std::string() : fmt::format("\"id\":{},", id);
  return fmt::format(R"({{"jsonrpc":"2.0",{}"method":{},"params":{}}})", member,
                     boost::json::serialize(boost::json::value(chosen.method)), params);
}

enum class id_member { absent, present };

/// A frame with `members` messages of about `size` bytes; more than one make a batch.
shape shape_of(const options& chosen, std::size_t size, id_member with_id, std::size_t members = 0) {
  constexpr std::string_view id_mark = "\"id\":";
  const std::string id = with_id == id_member::present ? std::to_string(ledger::first_id) : "";
  const std::size_t envelope = request_text(chosen, id, "").size();
  payload filled = payload_of(chosen, size - std::min(size, envelope));
  const std::string message = request_text(chosen, id, filled.params);
  std::string body = message;
  if (members != 0) {
    body = '[' + message;
    for (std::size_t i = 1; i < members; ++i) body += ',' + message;
    body += ']';
  }

  shape made;
  made.expected = std::move(filled.expected);
  made.body_size = body.size();
  const auto framing = chosen.framing({});
  std::string head(framing->max_head(), '\0');
  const std::size_t head_size = framing->write_head(head.data() + head.size(), body.size());
  made.bytes = head.substr(head.size() - head_size) + body + std::string(framing->tail());
  if (!id.empty()) {
    const std::size_t first = head_size + (members != 0 ? 1 : 0) + message.find(id_mark) + id_mark.size();
    for (std::size_t i = 0; i < std::max<std::size_t>(members, 1); ++i)
      made.id_at.push_back(first + i * (message.size() + 1));
  }
  const std::size_t least = made.id_at.empty() ? 0 : made.id_at.back() + ledger::id_digits;
  made.copied = made.bytes.size() <= most_worth_copying ? made.bytes.size() : least;
  return made;
}

}  // namespace

double message_plan::message_bytes() const {
  std::size_t bytes = 0;
  std::size_t messages = 0;
  for (const std::uint8_t index : cycle) {
    bytes += shapes[index].body_size;
    messages += shapes[index].messages();
  }
  return static_cast<double>(bytes) / static_cast<double>(messages);
}

std::size_t message_plan::most_copied() const {
  std::size_t most = probe.copied;
  for (const shape& each : shapes) most = std::max(most, each.copied);
  for (const shape& each : beside) most = std::max(most, each.copied);
  return most;
}

message_plan plan_messages(const options& chosen) {
  using enum id_member;
  message_plan plan{{}, {0}, shape_of(chosen, chosen.size, present), {}};
  switch (chosen.mode) {
    case mode::ping_pong:
    case mode::pipelined:
    case mode::burst:
    case mode::open_loop: plan.shapes = {shape_of(chosen, chosen.size, present)}; break;
    case mode::notifications: plan.shapes = {shape_of(chosen, chosen.size, absent)}; break;
    case mode::batch: plan.shapes = {shape_of(chosen, chosen.size, present, chosen.batch)}; break;
    case mode::mixed:
      plan.shapes = {shape_of(chosen, chosen.size, present), shape_of(chosen, chosen.size, absent),
                     shape_of(chosen, chosen.size, present, mixed_batch),
                     shape_of(chosen, std::max(chosen.size, large_size), present)};
      plan.cycle = {0, 0, 1, 0, 2, 0, 0, 1, 0, 3};
      break;
  }
  for (const auto& other : chosen.beside) {
    options alike = chosen;
    alike.method = other.method;
    plan.beside.push_back(shape_of(alike, chosen.size, present));
  }
  return plan;
}

}  // namespace load
