#include "streaming/id_text.hpp"
#include "streaming/json_text.hpp"
#include "streaming/string_content.hpp"

#include <antiphon/streaming/request_id.hpp>

#include <array>
#include <charconv>

namespace antiphon {

request_id::request_id(std::int64_t number) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  json_.assign(text.data(), end);
}

request_id request_id::from_json(std::string_view json) {
  request_id id;
  id.json_.assign(json);
  return id;
}

enum request_id::kind request_id::kind() const noexcept {
  switch (json_.empty() ? 'n' : json_.front()) {
    case 'n': return kind::null;
    case '"': return kind::string;
    default: return kind::number;
  }
}

bool operator==(const request_id& a, const request_id& b) noexcept {
  return detail::same_id(a.json_, b.json_);
}

bool detail::same_id(std::string_view a, std::string_view b) noexcept {
  if (!a.starts_with('"') || !b.starts_with('"')) return a == b;
  return same_content(without_quotes(a), without_quotes(b));
}

// FNV-1a over the content, so that ids that differ in their escapes only hash alike; without memory for it.
std::size_t detail::hash_of_id(std::string_view json) noexcept {
  std::uint64_t state = 14695981039346656037u;
  const auto add = [&state](int byte) { state = (state ^ static_cast<unsigned>(byte)) * 1099511628211u; };
  const bool is_string = json.starts_with('"');
  if (is_string) add('"');
  if (is_string && json.find('\\') != std::string_view::npos) {
    string_content content(without_quotes(json));
    for (int c = content.next(); c != string_content::end; c = content.next()) add(c);
  } else {
    for (const char c : is_string ? without_quotes(json) : json) add(static_cast<unsigned char>(c));
  }
  return static_cast<std::size_t>(state);
}

}  // namespace antiphon

std::size_t std::hash<antiphon::request_id>::operator()(const antiphon::request_id& id) const noexcept {
  return antiphon::detail::hash_of_id(id.json());
}
