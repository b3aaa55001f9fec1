#include "formatter.hpp"

#include "json_lexer.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace json_ls {
namespace {

constexpr std::size_t most_edits = 1000;
constexpr std::size_t most_new_bytes = std::size_t{64} << 20U;
constexpr std::uint32_t widest_tab = 16;

// The bytes between two tokens, and what shall stand there instead.
struct gap {
  byte_range where;
  std::string blanks;
};

bool opens(token_kind kind) { return kind == token_kind::left_brace || kind == token_kind::left_bracket; }
bool closes(token_kind kind) { return kind == token_kind::right_brace || kind == token_kind::right_bracket; }

std::string_view line_end_of(std::string_view text) {
  const std::size_t first = text.find_first_of("\r\n");
  if (first == std::string_view::npos || text[first] == '\n') return "\n";
  return text.substr(first).starts_with("\r\n") ? "\r\n" : "\r";
}

class layout {
 public:
  layout(std::string_view text, const formatting_options& options)
      : options_(options),
        line_end_(line_end_of(text)),
        indent_(options.insertSpaces ? std::string(std::min(options.tabSize, widest_tab), ' ') : "\t") {}

  // The blanks between two tokens of a document without errors.
  std::string between(token_kind before, token_kind after) {
    if (opens(before)) ++depth_;
    if (closes(after)) --depth_;
    if (opens(before) && closes(after)) return "";
    if (before == token_kind::colon) return " ";
    const bool new_line = opens(before) || closes(after) || before == token_kind::comma;
    return new_line ? line_start() : "";
  }

  // The blanks after the last token, of which `existing` stand there now.
  std::string at_end(std::string_view existing) const {
    auto lines = static_cast<std::size_t>(std::count(existing.begin(), existing.end(), line_end_.back()));
    if (options_.insertFinalNewline.value_or(false)) lines = std::max<std::size_t>(lines, 1);
    if (options_.trimFinalNewlines.value_or(false)) lines = std::min<std::size_t>(lines, 1);
    std::string blanks;
    for (; lines > 0; --lines) blanks += line_end_;
    return blanks;
  }

 private:
  std::string line_start() const {
    std::string blanks(line_end_);
    for (std::size_t level = 0; level < depth_; ++level) blanks += indent_;
    return blanks;
  }

  const formatting_options& options_;
  std::string_view line_end_;
  std::string indent_;
  std::size_t depth_ = 0;
};

// The gaps that change, in order; nothing when the document would grow too large.
std::optional<std::vector<gap>> changed_gaps(std::string_view text, const formatting_options& options) {
  problem_list unused;
  json_lexer lexer(text, unused);
  layout blanks(text, options);
  std::vector<gap> gaps;
  std::size_t new_bytes = 0;
  const auto lay = [&](byte_range where, std::string wanted) {
    if (where.of(text) == wanted) return;
    new_bytes += wanted.size();
    gaps.push_back({where, std::move(wanted)});
  };

  token before = lexer.next();
  lay({0, before.range.begin}, "");
  for (;;) {
    const token after = lexer.next();
    const byte_range where{before.range.end, after.range.begin};
    if (after.kind == token_kind::end) {
      lay(where, blanks.at_end(where.of(text)));
      return gaps;
    }
    lay(where, blanks.between(before.kind, after.kind));
    if (new_bytes > most_new_bytes) return std::nullopt;
    before = after;
  }
}

// One change from the first gap to the last, the tokens between them as they are.
gap merge(std::string_view text, const std::vector<gap>& gaps) {
  gap merged{{gaps.front().where.begin, gaps.back().where.end}, {}};
  std::size_t copied = merged.where.begin;
  for (const gap& next : gaps) {
    merged.blanks += text.substr(copied, next.where.begin - copied);
    merged.blanks += next.blanks;
    copied = next.where.end;
  }
  return merged;
}

}  // namespace

std::optional<std::vector<text_edit>> format_document(const text_document& document, const json_tree& tree,
                                                      const formatting_options& options) {
  if (tree.has_errors) return std::nullopt;
  auto gaps = changed_gaps(document.text(), options);
  if (!gaps) return std::nullopt;
  if (gaps->size() > most_edits) *gaps = {merge(document.text(), *gaps)};

  std::vector<text_edit> edits;
  edits.reserve(gaps->size());
  for (gap& change : *gaps) edits.push_back({document.range_of(change.where), std::move(change.blanks)});
  return edits;
}

}  // namespace json_ls
