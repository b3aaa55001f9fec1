#include "streaming/bounds.hpp"
#include "streaming/json_blanks.hpp"
#include "streaming/json_number.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/string_content.hpp"

#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/validate.hpp>

#include <algorithm>
#include <cstring>

namespace antiphon {
namespace {

using detail::without_quotes;

// The envelope goes back to the peer and into logs and tables, so that it is checked even when payloads are
// not.
bool is_valid_scalar(std::string_view text) noexcept { return !validate(text, 0); }

// Whether nothing in the string `text`, a token within `whole`, needs a closer look; nearly always.
bool is_simple_string(std::string_view text, std::string_view whole) noexcept {
  if (!text.starts_with('"')) return false;
  const char* const quote = text.data() + text.size() - 1;
  return detail::scan::active().simple_end(text.data() + 1, whole.data() + whole.size()) == quote;
}

bool is_string(std::string_view text, std::string_view whole) noexcept {
  return is_simple_string(text, whole) || (text.starts_with('"') && is_valid_scalar(text));
}

bool is_short_integer(std::string_view text) noexcept {
  return text.size() < 19 && text[0] != '0' && std::all_of(text.begin(), text.end(), detail::is_digit);
}

bool is_id(std::string_view text, std::string_view whole) noexcept {
  if (text[0] == '"') return is_string(text, whole);
  const char* const end = text.data() + text.size();
  return is_short_integer(text) || text == "null" || detail::scan_number(text.data(), end).end == end;
}

bool is_version_2(std::string_view text) noexcept {
  constexpr std::string_view usual = R"("2.0")";
  if (text.size() == usual.size() && std::memcmp(text.data(), usual.data(), usual.size()) == 0) return true;
  return is_string(text, text) && detail::same_content(without_quotes(text), "2.0");
}

bool is_params(std::string_view text) noexcept {
  return text.empty() || text[0] == '{' || text[0] == '[' || text == "null";
}

}  // namespace

message_view message_view::parse(std::string_view text, const limits& bounds) noexcept {
  message_view view;
  const auto invalid = [&view](std::string_view problem) {
    view.problem_ = problem;
    return view;
  };
  view.answered_ = true;
  text = detail::trim_blanks(text);
  if (!text.starts_with('{')) return invalid("The message is not an object.");
  detail::scan::envelope members;
  if (!detail::scan::active().members(text, members)) return invalid("The message is not valid JSON.");

  const bool has_valid_id =
      !members.id.empty() && members.id.size() <= bounds.id_bytes && is_id(members.id, text);
  if (has_valid_id) view.id_ = members.id;
  view.params_ = members.params;
  view.result_ = members.result;
  view.error_ = members.error;

  if (members.method.empty() && (!members.result.empty() || !members.error.empty())) {
    view.answered_ = false;
    // Peers that still speak JSON-RPC 1.0 send a null error beside each result.
    const bool failed = !members.error.empty() && (members.result.empty() || members.error != "null");
    view.kind_ = failed ? message_kind::error_response : message_kind::response;
    return view;
  }
  if (members.method.empty()) return invalid("The member \"method\" is missing.");
  const bool simple = is_simple_string(members.method, text);
  if (!simple && !is_string(members.method, text)) return invalid("The member \"method\" is not a string.");
  view.method_ = without_quotes(members.method);
  view.method_escaped_ = !simple && view.method_.find('\\') != std::string_view::npos;
  view.answered_ = !members.id.empty();
  if (!members.id.empty() && !has_valid_id) {
    return invalid(members.id.size() > bounds.id_bytes
                       ? "The member \"id\" is too long."
                       : "The member \"id\" is neither a string nor a number nor null.");
  }
  if (!is_version_2(members.jsonrpc)) return invalid("The member \"jsonrpc\" is not \"2.0\".");
  if (!is_params(members.params)) return invalid("The member \"params\" is neither an object nor an array.");
  view.kind_ = members.id.empty() ? message_kind::notification : message_kind::request;
  return view;
}

std::string message_view::method() const {
  std::string name;
  detail::string_content content(method_);
  for (int c = content.next(); c != detail::string_content::end; c = content.next())
    name += static_cast<char>(c);
  return name;
}

void message_view::rebase(const char* from, const char* to) noexcept {
  for (std::string_view* view : {&id_, &method_, &params_, &result_, &error_}) {
    if (view->data() != nullptr) *view = std::string_view(to + (view->data() - from), view->size());
  }
}

}  // namespace antiphon
