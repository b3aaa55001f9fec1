#include "tests/fuzz/endpoint_oracle.hpp"

#include "tests/fuzz/stream.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/line_framing.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/sequence_framing.hpp>
#include <antiphon/streaming/validate.hpp>

#include <boost/json/parse.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>

namespace fuzz {

namespace {

using antiphon::message_kind;
using antiphon::message_view;

struct stop {
  antiphon::error_code why;
  bool at_the_end;  // of the bytes
};

// All frames of the bytes, each with its verdict; why there were no more.
template <class Take>
stop each_frame(std::string_view bytes, frame_style style, const antiphon::limits& bounds, Take take) {
  stream all(framing_of(style)(bounds), bounds);
  all.feed(bytes);
  const bool at_the_end = !all.failed();
  const outcome result = all.finish();
  for (const std::string& frame : result.frames) take(frame, antiphon::validate(frame, bounds.depth));
  return {result.error, at_the_end};
}

void add(answers& to, answer one) {
  std::sort(one.ids.begin(), one.ids.end());
  ++to[std::move(one)];
}

std::string id_of(const message_view& message) {
  return message.has_id() ? std::string(message.id_text()) : std::string("null");
}

bool is_answered(const message_view& message) {
  return message.kind() == message_kind::request ||
         (message.kind() == message_kind::invalid && message.wants_answer());
}

void ask(answers& to, std::string_view frame, const antiphon::limits& bounds) {
  antiphon::frame_messages members(frame);
  const bool batch = members.is_batch();
  const std::size_t count = members.count(bounds.batch_members + 1);
  if (count == 0 || count > bounds.batch_members) return add(to, {false, {"null"}});
  answer owed{batch, {}};
  while (const auto member = members.next()) {
    const auto message = message_view::parse(*member, bounds);
    if (is_answered(message)) owed.ids.push_back(id_of(message));
  }
  if (!owed.ids.empty()) add(to, std::move(owed));
}

using boost::json::object;
using boost::json::value;

bool only_these(const object& members, std::initializer_list<std::string_view> names) {
  return std::all_of(members.begin(), members.end(), [&](const auto& member) {
    const std::string_view name(member.key().data(), member.key().size());
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

void check_error(const value* error) {
  must(error != nullptr && error->is_object(), "an error that is no object");
  const object& members = error->get_object();
  const value *code = members.if_contains("code"), *message = members.if_contains("message");
  must(code != nullptr && code->is_int64(), "an error without a code");
  must(message != nullptr && message->is_string(), "an error without a message");
  must(only_these(members, {"code", "message", "data"}), "odd members in an error");
}

// The rules of JSON-RPC 2.0, on a DOM. Whether it is an answer.
bool check_message(const value& dom) {
  must(dom.is_object(), "it says what is no object");
  const object& message = dom.get_object();
  const value* version = message.if_contains("jsonrpc");
  must(version != nullptr && version->is_string() && version->get_string() == "2.0", "no version 2.0");
  if (const value* method = message.if_contains("method")) {
    must(method->is_string(), "a method that is no string");
    must(only_these(message, {"jsonrpc", "id", "method", "params"}), "odd members in a request");
    const value* params = message.if_contains("params");
    must(params == nullptr || params->is_structured(), "parameters that are neither object nor array");
    return false;
  }
  const value *result = message.if_contains("result"), *error = message.if_contains("error");
  must(message.contains("id"), "an answer without an id");
  must((result == nullptr) != (error == nullptr), "an answer is either a result or an error");
  must(only_these(message, {"jsonrpc", "id", "result", "error"}), "odd members in an answer");
  if (error != nullptr) check_error(error);
  return true;
}

void hear(answers& to, std::string_view frame) {
  antiphon::frame_messages members(frame);
  answer heard{members.is_batch(), {}};
  bool all_answers = true;
  boost::json::parse_options strict;
  strict.max_depth = 1024;
  while (const auto member = members.next()) {
    boost::system::error_code error;
    const value dom = boost::json::parse({member->data(), member->size()}, error, {}, strict);
    // An exponent that only we can read, in what it repeats: docs/decisions/0002-validator-differences.md.
    const auto message = message_view::parse(*member);
    const bool is_answer =
        message.kind() == message_kind::response || message.kind() == message_kind::error_response;
    if (!error) must(check_message(dom) == is_answer, "what looks like an answer is none");
    all_answers = all_answers && is_answer;
    if (is_answer) heard.ids.push_back(id_of(message));
  }
  must(!heard.batch || (all_answers && !heard.ids.empty()), "a batch that nobody has asked for");
  if (!heard.ids.empty()) add(to, std::move(heard));
}

}  // namespace

antiphon::framing_factory framing_of(frame_style style) {
  switch (style) {
    case frame_style::line: return antiphon::line_framing::make;
    case frame_style::sequence: return antiphon::sequence_framing::make;
    case frame_style::content_length: break;
  }
  return antiphon::content_length_framing::make;
}

owed answers_owed(std::string_view bytes, frame_style style, const antiphon::limits& bounds) {
  owed result;
  const auto stopped =
      each_frame(bytes, style, bounds, [&](std::string_view frame, const antiphon::error_code& malformed) {
        if (malformed) return add(result.answers, {false, {"null"}});
        ask(result.answers, frame, bounds);
      });
  // That it is cut short isn't answered: nobody may be there any more.
  result.broken = stopped.why.failed() && !stopped.at_the_end;
  if (result.broken) add(result.answers, {false, {"null"}});
  return result;
}

said read_output(std::string_view bytes, frame_style style) {
  said result;
  const auto stopped =
      each_frame(bytes, style, {}, [&](std::string_view frame, const antiphon::error_code& malformed) {
        must(!malformed, "it says what is no JSON");
        hear(result.answers, frame);
      });
  result.cut = stopped.why.failed();
  must(!stopped.why || stopped.at_the_end, "what it says is not well framed");
  return result;
}

void must_be_part(const said& heard, const owed& asked) {
  std::map<std::string, std::size_t> left;
  for (const auto& [one, times] : asked.answers)
    for (const std::string& id : one.ids) left[id] += times;
  ++left["null"];  // why it ended
  for (const auto& [one, times] : heard.answers) {
    for (const std::string& id : one.ids) {
      std::size_t& count = left[id];
      must(count >= times, "answered twice, or what wasn't asked");
      count -= times;
    }
  }
}

}  // namespace fuzz
