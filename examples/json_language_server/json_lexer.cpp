#include "json_lexer.hpp"

#include "json_number.hpp"
#include "json_string.hpp"
#include "utf8.hpp"

#include <algorithm>

namespace json_ls {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || is_digit(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

template <class Predicate>
std::size_t run_length(std::string_view text, std::size_t begin, Predicate belongs) {
  const auto rest = text.substr(begin);
  return static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), belongs) - rest.begin());
}

}  // namespace

token json_lexer::next() {
  skip_blanks();
  if (at_ == text_.size()) return {token_kind::end, {at_, at_}};
  const char c = text_[at_];
  switch (c) {
    case '{': return take(token_kind::left_brace, 1);
    case '}': return take(token_kind::right_brace, 1);
    case '[': return take(token_kind::left_bracket, 1);
    case ']': return take(token_kind::right_bracket, 1);
    case ':': return take(token_kind::colon, 1);
    case ',': return take(token_kind::comma, 1);
    case '"':
    case '\'': return take_string();
    default: break;
  }
  if (is_digit(c) || c == '-' || c == '+' || c == '.') return take_number();
  if (is_word(c)) return take_word();
  return take(token_kind::unknown, 1);
}

void json_lexer::skip_blanks() {
  if (at_ == 0 && text_.starts_with(byte_order_mark)) {
    at_ = byte_order_mark.size();
    problems_.error({0, at_}, "byte order mark: JSON text must not begin with one");
  }
  for (;;) {
    at_ += run_length(text_, at_, is_blank);
    const auto rest = text_.substr(at_);
    if (!rest.starts_with("//") && !rest.starts_with("/*")) return;
    skip_comment();
  }
}

void json_lexer::skip_comment() {
  const std::size_t begin = at_;
  if (text_[begin + 1] == '/') {
    at_ = std::min(text_.find_first_of("\r\n", begin), text_.size());
    problems_.error({begin, at_}, "comments are not allowed in JSON");
    return;
  }
  const std::size_t close = text_.find("*/", begin + 2);
  at_ = close == std::string_view::npos ? text_.size() : close + 2;
  problems_.error({begin, at_}, close == std::string_view::npos ? "unterminated comment"
                                                                : "comments are not allowed in JSON");
}

token json_lexer::take(token_kind kind, std::size_t length) {
  const std::size_t begin = at_;
  at_ += length;
  return {kind, {begin, at_}};
}

token json_lexer::take_string() { return take(token_kind::string, scan_string(text_, at_, problems_) - at_); }

token json_lexer::take_number() {
  const auto belongs = [](char c) { return is_word(c) || c == '+' || c == '-' || c == '.'; };
  const token number = take(token_kind::number, run_length(text_, at_, belongs));
  if (auto mistake = number_mistake(number.range.of(text_)))
    problems_.error(number.range, *std::move(mistake));
  return number;
}

token json_lexer::take_word() {
  const token word = take(token_kind::word, run_length(text_, at_, is_word));
  const std::string_view letters = word.range.of(text_);
  if (letters == "true" || letters == "false") return {token_kind::boolean, word.range};
  if (letters == "null") return {token_kind::null, word.range};
  return word;
}

}  // namespace json_ls
