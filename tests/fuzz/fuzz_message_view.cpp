#include "tests/fuzz/check.hpp"
#include "tests/fuzz/dom.hpp"

#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/validate.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <optional>

// What message_view and frame_messages see of a text is the same under every implementation of the scanner,
// lies in the text, and of valid JSON it is what stands in Boost.JSON's DOM.

namespace {

using antiphon::frame_messages;
using antiphon::message_kind;
using antiphon::message_view;
using boost::json::value;

constexpr std::size_t depth = 256;
constexpr antiphon::limits narrow{.id_bytes = 40};

struct seen {
  explicit seen(const message_view& view)
      : kind(view.kind()),
        wants_answer(view.wants_answer()),
        problem(view.problem()),
        id(view.id_text()),
        method(view.method_text()),
        params(view.params_text()),
        result(view.result_text()),
        error(view.error_text()) {}

  message_kind kind;
  bool wants_answer;
  std::string_view problem, id, method, params, result, error;
  friend bool operator==(const seen&, const seen&) = default;
};

void must_lie_in(std::string_view text, std::string_view part) {
  if (part.data() == nullptr) return;
  fuzz::must(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size(),
             "a view leaves its text");
}

void check_places(std::string_view text, const message_view& view) {
  const seen here(view);
  for (const auto part : {here.id, here.method, here.params, here.result, here.error})
    must_lie_in(text, part);
  const std::string elsewhere(text);
  message_view moved = view;
  moved.rebase(text.data(), elsewhere.data());
  fuzz::must(seen(moved) == here, "a moved view sees something else");
  if (!here.params.empty()) must_lie_in(elsewhere, moved.params_text());
}

value parsed(std::string_view text) {
  boost::json::parse_options strict;
  strict.max_depth = depth;
  return boost::json::parse(text, {}, strict);
}

const value* find(const boost::json::object& object, std::string_view name) {
  return object.if_contains({name.data(), name.size()});
}

void must_be_member(const value* member, std::string_view text) {
  fuzz::must((member == nullptr) == text.empty(), "a member is missing, or there is one too many");
  if (member != nullptr) fuzz::must(fuzz::alike(parsed(text), *member), "a member is something else");
}

bool is_id(const value& id) { return id.is_string() || id.is_number() || id.is_null(); }

bool is_version_2(const value* version) {
  return version != nullptr && version->is_string() && version->get_string() == "2.0";
}

struct expectation {
  message_kind kind = message_kind::invalid;
  bool wants_answer = true;
};

// The rules of message_view once more, on a DOM.
expectation expected(const value& dom) {
  const auto* message = dom.if_object();
  if (message == nullptr) return {};
  const auto *method = find(*message, "method"), *result = find(*message, "result"),
             *error = find(*message, "error"), *id = find(*message, "id"), *params = find(*message, "params"),
             *version = find(*message, "jsonrpc");
  if (method == nullptr && (result != nullptr || error != nullptr)) {
    const bool failed = error != nullptr && (result == nullptr || !error->is_null());
    return {failed ? message_kind::error_response : message_kind::response, false};
  }
  if (method == nullptr || !method->is_string()) return {};
  const bool valid = (id == nullptr || is_id(*id)) && is_version_2(version) &&
                     (params == nullptr || params->is_structured() || params->is_null());
  if (!valid) return {message_kind::invalid, id != nullptr};
  return {id == nullptr ? message_kind::notification : message_kind::request, id != nullptr};
}

void check_id(const message_view& view, const value* id) {
  must_be_member(id != nullptr && is_id(*id) ? id : nullptr, view.id_text());
  const auto as_it_came = view.id();
  fuzz::must(as_it_came.json() == (view.has_id() ? view.id_text() : "null"),
             "an id does not stay as it came");
  if (id == nullptr || !id->is_string()) return;
  const auto written_anew = antiphon::request_id::from_json(boost::json::serialize(*id));
  fuzz::must(as_it_came == written_anew, "equal ids differ");
  fuzz::must(std::hash<antiphon::request_id>()(as_it_came) == std::hash<antiphon::request_id>()(written_anew),
             "the hashes of equal ids differ");
}

void check_id_limit(std::string_view text, const message_view& wide) {
  const message_view view = message_view::parse(text, narrow);
  if (wide.id_text().size() > narrow.id_bytes) {
    fuzz::must(!view.has_id(), "an id is longer than the limit");
    fuzz::must(view.wants_answer() == wide.wants_answer(), "an answer too many or too few");
    return;
  }
  seen here(view);
  // Of a long id that is no id either, it may be said that it is too long.
  if (view.kind() == message_kind::invalid) here.problem = wide.problem();
  fuzz::must(here == seen(wide), "a limit that isn't reached shows");
}

void compare_with_dom(const message_view& view, const value& dom) {
  const boost::json::object nothing;
  const auto& message = dom.is_object() ? dom.get_object() : nothing;
  check_id(view, find(message, "id"));
  must_be_member(find(message, "params"), view.params_text());
  must_be_member(find(message, "result"), view.result_text());
  must_be_member(find(message, "error"), view.error_text());
  const value* method = find(message, "method");
  const bool named = method != nullptr && method->is_string();
  fuzz::must(view.method() == (named ? std::string(method->get_string()) : std::string()),
             "the method is another");
  fuzz::must(view.method_has_escapes() || view.method() == view.method_text(), "a method has escapes");

  const auto [kind, wants_answer] = expected(dom);
  fuzz::must(view.kind() == kind, "the kind is another");
  fuzz::must(view.wants_answer() == wants_answer, "an answer too many or too few");
  fuzz::must(view.problem().empty() == (kind != message_kind::invalid), "a problem without a reason");
}

std::vector<std::string_view> members_of(std::string_view frame) {
  std::vector<std::string_view> members;
  frame_messages messages(frame);
  while (const auto member = messages.next()) members.push_back(*member);
  return members;
}

void check_members(std::string_view frame, const std::optional<value>& dom) {
  const auto members = fuzz::same_for_every_scanner([&] { return members_of(frame); });
  const frame_messages messages(frame);
  fuzz::must(messages.count(members.size() + 1) == members.size(), "there are more members than counted");
  fuzz::must(messages.count(members.size() / 2) == members.size() / 2, "it is counted beyond what was asked");
  for (const auto member : members) must_lie_in(frame, member);
  if (!dom) return;
  fuzz::must(messages.is_batch() == dom->is_array(), "a batch isn't seen as one");
  if (!dom->is_array()) {
    fuzz::must(members.size() == 1, "more than one message outside of a batch");
    return;
  }
  const auto& elements = dom->get_array();
  fuzz::must(members.size() == elements.size(), "a batch has another number of members");
  for (std::size_t i = 0; i < members.size(); ++i) {
    fuzz::must(fuzz::alike(parsed(members[i]), elements[i]), "a batch has other members");
    compare_with_dom(message_view::parse(members[i]), elements[i]);
  }
}

std::optional<value> dom_of(std::string_view text) {
  if (antiphon::validate(text, depth)) return std::nullopt;
  boost::json::parse_options strict;
  strict.max_depth = depth;
  boost::system::error_code error;
  value dom = boost::json::parse(text, error, {}, strict);
  // An exponent that only the validator can read: docs/decisions/0002-validator-differences.md.
  if (error) return std::nullopt;
  return dom;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  fuzz::same_for_every_scanner([&] { return seen(message_view::parse(text)); });
  const message_view view = message_view::parse(text);
  check_places(text, view);
  check_id_limit(text, view);
  const auto dom = dom_of(text);
  if (dom) compare_with_dom(view, *dom);
  check_members(text, dom);
  return 0;
}
