#include "json_walk.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <algorithm>
#include <utility>

namespace stream {

namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// Behind the string whose opening quote is at `at`.
const char* end_of_string(const char* at, const char* end) noexcept {
  for (++at; at != end && *at != '"'; ++at) {
    if (*at == '\\' && ++at == end) return end;
  }
  return at == end ? end : at + 1;
}

}  // namespace

const char* skip_blanks(const char* at, const char* end) noexcept {
  while (at != end && is_blank(*at)) ++at;
  return at;
}

const char* end_of_value(const char* at, const char* end) noexcept {
  if (at == end) return end;
  if (*at == '"') return end_of_string(at, end);
  if (*at != '{' && *at != '[') {
    while (at != end && *at != ',' && *at != '}' && *at != ']' && !is_blank(*at)) ++at;
    return at;
  }
  std::size_t depth = 0;
  while (at != end) {
    const char c = *at;
    if (c == '"') {
      at = end_of_string(at, end);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) break;
  }
  return at;
}

path_set::path_set() { nodes_.emplace_back(); }

std::size_t path_set::add(std::span<const path_step> path) {
  std::size_t here = 0;
  for (const path_step& step : path) {
    const auto same = [&](std::size_t child) {
      return nodes_[child].step.index == step.index && nodes_[child].step.name == step.name;
    };
    const auto& children = nodes_[here].children;
    const auto found = std::find_if(children.begin(), children.end(), same);
    if (found != children.end()) {
      here = *found;
      continue;
    }
    const std::size_t made = nodes_.size();
    nodes_.emplace_back().step = step;
    nodes_[here].children.push_back(made);
    here = made;
  }
  if (nodes_[here].slot == none) nodes_[here].slot = slots_++;
  return nodes_[here].slot;
}

void path_set::find(std::string_view json, std::span<std::string_view> values) const {
  std::fill(values.begin(), values.end(), std::string_view());
  if (slots_ == 0) return;
  const char* const end = json.data() + json.size();
  walk(nodes_.front(), skip_blanks(json.data(), end), end, values);
}

const path_set::node* path_set::member(const node& here, std::string_view quoted) const {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  std::string unescaped;
  std::string_view name = inside;
  if (inside.find('\\') != std::string_view::npos) {
    auto decoded = antiphon::raw_json(quoted).try_decode<std::string>();
    if (!decoded) return nullptr;  // half a surrogate pair, which no path has
    unescaped = std::move(*decoded);
    name = unescaped;
  }
  for (const std::size_t child : here.children) {
    if (nodes_[child].step.index == path_step::no_index && nodes_[child].step.name == name)
      return &nodes_[child];
  }
  return nullptr;
}

const path_set::node* path_set::element(const node& here, std::size_t index) const noexcept {
  for (const std::size_t child : here.children) {
    if (nodes_[child].step.index == index) return &nodes_[child];
  }
  return nullptr;
}

void path_set::forget(const node& here, std::span<std::string_view> values) const noexcept {
  if (here.slot != none) values[here.slot] = {};
  for (const std::size_t child : here.children) forget(nodes_[child], values);
}

// As deep as the paths are, however deep the payload is.
const char* path_set::walk(const node& here, const char* at, const char* end,
                           std::span<std::string_view> values) const {
  const char* const begin = at;
  if (here.children.empty() || at == end || (*at != '{' && *at != '[')) {
    at = end_of_value(at, end);
  } else {
    const bool object = *at == '{';
    at = skip_blanks(at + 1, end);
    for (std::size_t index = 0; at != end && *at != '}' && *at != ']'; ++index) {
      const node* next = nullptr;
      if (object) {
        const char* const name_end = end_of_string(at, end);
        next = member(here, {at, name_end});
        at = skip_blanks(name_end, end);  // at the colon
        at = skip_blanks(at == end ? at : at + 1, end);
        if (next != nullptr) forget(*next, values);
      } else {
        next = element(here, index);
      }
      at = next == nullptr ? end_of_value(at, end) : walk(*next, at, end, values);
      at = skip_blanks(at, end);
      if (at != end && *at == ',') at = skip_blanks(at + 1, end);
    }
    if (at != end) ++at;
  }
  if (here.slot != none) values[here.slot] = {begin, at};
  return at;
}

}  // namespace stream
