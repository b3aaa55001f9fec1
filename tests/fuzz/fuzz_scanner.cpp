#include "streaming/scan/kernels.hpp"
#include "streaming/validate_by_bytes.hpp"
#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <memory>

// Every pass over JSON text gives the same under every implementation, the portable one among them, wherever
// in memory the text begins and however it is cut.
//
// The input: the size of the pieces, less one; how far behind the beginning of its memory the text stands,
// and where in it the passes begin; the text.

namespace {

namespace scan = antiphon::detail::scan;

constexpr std::size_t depth = 70;  // more than the bits of a word

/// A copy with nothing behind it, so that a sanitizer sees whoever reads on.
class exact {
 public:
  exact(std::string_view text, std::size_t shift)
      : bytes_(new char[shift + text.size()]), begin_(bytes_.get() + shift), size_(text.size()) {
    std::fill(bytes_.get(), bytes_.get() + shift, '"');
    std::copy(text.begin(), text.end(), bytes_.get() + shift);
  }
  const char* begin() const { return begin_; }
  const char* end() const { return begin_ + size_; }
  std::size_t size() const { return size_; }
  std::string_view text() const { return {begin_, size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  char* begin_;
  std::size_t size_;
};

constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

std::size_t place(const exact& in, const char* found) {
  if (found == nullptr) return nowhere;
  fuzz::must(found >= in.begin() && found <= in.end(), "a place isn't in the text");
  return static_cast<std::size_t>(found - in.begin());
}

// From the first bracket on, where a walk begins.
std::size_t skipped(std::string_view text, std::size_t shift, std::size_t piece) {
  text.remove_prefix(std::min(text.find_first_of("{["), text.size()));
  const exact copy(text, shift);
  scan::skip_state state;
  for (const char* at = copy.begin(); at != copy.end();) {
    const char* const end = at + std::min(piece, static_cast<std::size_t>(copy.end() - at));
    if (const char* found = scan::active().skip(at, end, state)) return place(copy, found);
    at = end;
  }
  return nowhere;
}

bool checked(std::string_view text, std::size_t shift, std::size_t piece) {
  scan::check_state state(depth);
  for (std::size_t size = piece; size < text.size(); size += piece) {
    const exact so_far(text.substr(0, size), shift);  // what has not come yet is not there
    if (!scan::active().check(so_far.begin(), so_far.size(), false, state)) return false;
  }
  const exact whole(text, shift);
  return scan::active().check(whole.begin(), whole.size(), true, state);
}

std::vector<std::size_t> places(std::string_view text, std::size_t shift) {
  const exact copy(text, shift);
  const scan::kernels& use = scan::active();
  return {place(copy, use.string_end(copy.begin(), copy.end())),
          place(copy, use.plain_end(copy.begin(), copy.end())),
          place(copy, use.simple_end(copy.begin(), copy.end())),
          std::size_t{use.is_utf8(copy.begin(), copy.end()) ? 1u : 0u}};
}

// The inside of a string, from the beginning to the first quote.
std::string unescaped(std::string_view text, std::size_t shift) {
  const exact copy(text, shift);
  const char* const quote = scan::active().string_end(copy.begin(), copy.end());
  if (quote == nullptr) return "no string";
  const auto size = static_cast<std::size_t>(quote - copy.begin());
  std::vector<char> out(size + scan::copy_room);
  const char* const end = scan::active().unescape(copy.begin(), quote, out.data());
  if (end == nullptr) return "malformed";
  const auto written = static_cast<std::size_t>(end - out.data());
  fuzz::must(written <= size, "without its escapes it is longer");
  return '"' + std::string(out.data(), written);
}

std::string escaped(std::string_view text, std::size_t shift, std::size_t piece) {
  const exact copy(text, shift);
  std::string whole;
  std::vector<char> out(scan::copy_room + piece);
  for (const char* at = copy.begin(); at != copy.end();) {
    char* end = out.data();
    const char* const next = scan::active().escape(at, copy.end(), end, out.data() + out.size());
    fuzz::must(next > at && next <= copy.end() && end <= out.data() + out.size(),
               "it stands still, or runs on");
    whole.append(out.data(), static_cast<std::size_t>(end - out.data()));
    at = next;
  }
  return whole;
}

std::vector<std::string> members(std::string_view text, std::size_t shift) {
  text.remove_prefix(std::min(text.find('{'), text.size()));
  if (text.empty()) return {};
  const exact copy(text, shift);
  scan::envelope found;
  const bool object = scan::active().members(copy.text(), found);
  if (!object) return {"none"};
  std::vector<std::string> all;
  for (const auto member : {found.jsonrpc, found.id, found.method, found.params, found.result, found.error}) {
    if (!member.empty())
      fuzz::must(member.data() >= copy.begin() && member.data() + member.size() <= copy.end(),
                 "a member isn't in the text");
    all.emplace_back(member);
  }
  return all;
}

// How long an escaped text gets can't be seen from how it is cut.
void check_escapes(std::string_view text, std::size_t shift, std::size_t piece) {
  if (!fuzz::same_for_every_scanner([&] {
        const exact copy(text, shift);
        return scan::active().is_utf8(copy.begin(), copy.end());
      }))
    return;  // only text that is UTF-8 is written
  const std::string in_pieces = fuzz::same_for_every_scanner([&] { return escaped(text, shift, piece); });
  fuzz::must(in_pieces == escaped(text, shift, 8 * text.size()), "another cut escapes otherwise");
  const std::string back = fuzz::same_for_every_scanner([&] { return unescaped(in_pieces + '"', shift); });
  fuzz::must(back == '"' + std::string(text), "what is escaped is another text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  // The text so far is looked at anew with each piece: so few of them where it is long.
  const std::size_t piece = std::max(std::size_t{1} + data[0], size / 64);
  const std::size_t shift = data[1] % 64;
  const std::string_view text = fuzz::as_text(data + 2, size - 2);
  const std::string_view later = text.substr(std::min<std::size_t>(text.size(), data[1] / 64 * 21));

  const std::size_t whole =
      fuzz::same_for_every_scanner([&] { return skipped(text, shift, text.size() + 1); });
  fuzz::must(whole == fuzz::same_for_every_scanner([&] { return skipped(text, shift, piece); }),
             "another cut is skipped otherwise");

  const bool valid = fuzz::same_for_every_scanner([&] { return checked(text, shift, piece); });
  fuzz::must(valid == fuzz::same_for_every_scanner([&] { return checked(text, shift, text.size() + 1); }),
             "another cut is checked otherwise");
  // A lone number, word or string is left to the one that goes byte by byte.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool structure = first != text.npos && (text[first] == '{' || text[first] == '[');
  fuzz::must(valid == (structure && !antiphon::detail::validate_by_bytes(text, depth)),
             "the check and the one that goes byte by byte differ");

  fuzz::same_for_every_scanner([&] { return places(later, shift); });
  fuzz::same_for_every_scanner([&] { return unescaped(later, shift); });
  fuzz::same_for_every_scanner([&] { return members(text, shift); });
  check_escapes(later, shift, piece);
  return 0;
}
