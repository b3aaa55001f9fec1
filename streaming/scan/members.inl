// Included into an anonymous namespace behind `blocks`, a walk from the beginning of an object to its end.

inline std::string_view* find_plain(envelope& members, std::string_view name) noexcept {
  switch (name.size()) {
    case 2: return name == "id" ? &members.id : nullptr;
    case 5: return name == "error" ? &members.error : nullptr;
    case 6:
      if (name == "method") return &members.method;
      if (name == "params") return &members.params;
      return name == "result" ? &members.result : nullptr;
    case 7: return name == "jsonrpc" ? &members.jsonrpc : nullptr;
    default: return nullptr;
  }
}

inline std::string_view* find_slot(envelope& members, std::string_view name) noexcept {
  // The longest name that matters with each letter escaped: anything longer is no name of ours.
  constexpr std::size_t most = 6 * std::string_view("jsonrpc").size();
  std::string_view* const plain = find_plain(members, name);
  if (plain != nullptr || name.size() > most || name.find('\\') == std::string_view::npos) return plain;
  for (const std::string_view known : {"id", "method", "params", "jsonrpc", "result", "error"}) {
    if (same_content(name, known)) return find_plain(members, known);
  }
  return nullptr;
}

// The member whose name is at the quote `at`, written in the usual way with its colon, behind which it then
// goes; null, without a step, for all others.
inline std::string_view* take_usual_name(envelope& members, const char*& at, const char* end) noexcept {
  const auto is = [&at](auto& name) {
    constexpr std::size_t size = sizeof(name) - 1;
    if (std::memcmp(at, name, size) != 0) return false;
    at += size;
    return true;
  };
  if (end - at < 10) return nullptr;
  switch (at[1]) {
    case 'e': return is(R"("error":)") ? &members.error : nullptr;
    case 'i': return is(R"("id":)") ? &members.id : nullptr;
    case 'j': return is(R"("jsonrpc":)") ? &members.jsonrpc : nullptr;
    case 'm': return is(R"("method":)") ? &members.method : nullptr;
    case 'p': return is(R"("params":)") ? &members.params : nullptr;
    case 'r': return is(R"("result":)") ? &members.result : nullptr;
    default: return nullptr;
  }
}

// Nearly always there are none.
inline const char* behind_blanks(const char* at, const char* end) noexcept {
  while (at != end && static_cast<unsigned char>(*at) <= ' ' && is_json_blank(*at)) ++at;
  return at;
}

// Behind the number or word at `at`, or what stands in its place.
inline const char* scalar_end(const char* at, const char* end) noexcept {
  while (at != end && is_digit(*at)) ++at;  // nearly always all of it
  // A quote or backslash has no place in it; one that was let pass would turn strings inside out.
  while (at != end && !ends_scalar(*at) && *at != '"' && *at != '\\') ++at;
  return at;
}

bool members(std::string_view text, envelope& found) noexcept {
  blocks in(text);
  const char* const end = text.data() + text.size();
  const char* at = behind_blanks(text.data() + 1, end);
  if (at != end && *at == '}') return at + 1 == end;
  for (;;) {
    if (at == end || *at != '"') return false;
    std::string_view* slot = take_usual_name(found, at, end);
    if (slot == nullptr) {
      const char* const name_end = in.string(at);
      if (name_end == nullptr) return false;
      slot = find_slot(found, {at + 1, static_cast<std::size_t>(name_end - at - 2)});
      at = behind_blanks(name_end, end);
      if (at == end || *at != ':') return false;
      ++at;
    }
    at = behind_blanks(at, end);
    if (at == end) return false;
    const char* behind = nullptr;
    if (*at == '"') {
      behind = in.string(at);
    } else if (*at == '{' || *at == '[') {
      behind = in.structure(at);
    } else {
      behind = scalar_end(at, end);
      if (behind == at) return false;
    }
    if (behind == nullptr) return false;
    if (slot != nullptr) *slot = {at, static_cast<std::size_t>(behind - at)};
    at = behind_blanks(behind, end);
    if (at == end) return false;
    if (*at == '}') return at + 1 == end;
    if (*at != ',') return false;
    at = behind_blanks(at + 1, end);
  }
}
