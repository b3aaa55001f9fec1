#include "streaming/json_escape.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/string_content.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/json_cursor.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

namespace antiphon::detail {

namespace {

constexpr std::string_view end_of_text = "the end of the text";
constexpr std::string_view end_of_container = "the end of the container";
constexpr std::string_view malformed = "malformed JSON";

bool are_escapes_valid(std::string_view inside) noexcept {
  while (!inside.empty()) {
    if (static_cast<unsigned char>(inside.front()) < ' ') return false;
    const std::size_t step = inside.front() == '\\' ? read_escape(inside).length : 1;
    if (step == 0) return false;
    inside.remove_prefix(step);
  }
  return true;
}

}  // namespace

bool string_token::is(std::string_view content) const noexcept {
  return escapes ? same_content(inside, content) : inside == content;
}

bool json_cursor::at_member(std::string_view name) {
  if (error_ == nullptr) return false;
  std::string token = "/";
  for (const char c : name) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  error_->path.insert(0, token);
  return false;
}

bool json_cursor::at_index(std::size_t index) {
  if (error_ == nullptr) return false;
  // In two steps: g++ 12 warns of the one with "/" + (its bug 105651).
  std::string token = std::to_string(index);
  token.insert(token.begin(), '/');
  error_->path.insert(0, token);
  return false;
}

decode_error json_cursor::take_error() {
  if (error_ == nullptr) return {};
  return {make_error_code(code_), std::move(error_->path), std::move(error_->message)};
}

std::string_view json_cursor::found() noexcept {
  blanks();
  const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
  if (rest.empty()) return end_of_text;
  switch (rest.front()) {
    case '{': return "an object";
    case '[': return "an array";
    case '"': return "a string";
    case 't': return rest.starts_with("true") ? "a boolean" : malformed;
    case 'f': return rest.starts_with("false") ? "a boolean" : malformed;
    case 'n': return rest.starts_with("null") ? "null" : malformed;
    case ']':
    case '}': return end_of_container;
    default: return is_digit(rest.front()) || rest.front() == '-' ? "a number" : malformed;
  }
}

bool json_cursor::expected(std::string_view what) {
  const std::string_view there = found();
  const bool is_value = there != end_of_text && there != end_of_container && there != malformed;
  return fail(is_value ? errc::wrong_type : errc::invalid_json, "expected ", what, ", found ", there);
}

bool json_cursor::at_end() {
  blanks();
  if (at_ == end_) return true;
  return fail(errc::invalid_json, "text after the value");
}

bool json_cursor::literal(std::string_view word) noexcept {
  blanks();
  if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
  at_ += word.size();
  return true;
}

bool json_cursor::read_bool(bool& out) {
  if (literal("true")) {
    out = true;
    return true;
  }
  if (literal("false")) {
    out = false;
    return true;
  }
  return expected("a boolean");
}

bool json_cursor::number_token(std::string_view what, std::string_view& token, bool& integral) {
  blanks();
  const char* p = at_;
  if (p == end_ || !(is_digit(*p) || *p == '-')) return expected(what);
  const auto digits = [&] {
    const char* first = p;
    while (p != end_ && is_digit(*p)) ++p;
    return p != first;
  };
  const auto malformed_number = [this] { return fail(errc::invalid_json, "malformed number"); };
  if (*p == '-') ++p;
  const char* first_digit = p;
  if (!digits() || (*first_digit == '0' && p - first_digit > 1)) return malformed_number();
  integral = true;
  if (p != end_ && *p == '.') {
    integral = false;
    ++p;
    if (!digits()) return malformed_number();
  }
  if (p != end_ && (*p == 'e' || *p == 'E')) {
    integral = false;
    ++p;
    if (p != end_ && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return malformed_number();
  }
  token = {at_, static_cast<std::size_t>(p - at_)};
  return true;
}

bool json_cursor::read_any_int64(std::int64_t& out) {
  std::string_view token;
  bool integral = false;
  if (!number_token("an integer", token, integral)) return false;
  if (!integral) return fail(errc::wrong_type, "expected an integer, found a fraction");
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error != std::errc()) return fail(errc::number_out_of_range, "the number is out of range");
  at_ += token.size();
  return true;
}

bool json_cursor::read_any_uint64(std::uint64_t& out) {
  std::string_view token;
  bool integral = false;
  if (!number_token("an integer", token, integral)) return false;
  if (!integral) return fail(errc::wrong_type, "expected an integer, found a fraction");
  if (token == "-0") {
    out = 0;
  } else {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
    if (error != std::errc()) return fail(errc::number_out_of_range, "the number is out of range");
  }
  at_ += token.size();
  return true;
}

template <class Number>
bool json_cursor::read_real(Number& out) {
  std::string_view token;
  bool integral = false;
  if (!number_token("a number", token, integral)) return false;
  if (!parse_number(token, out)) return fail(errc::number_out_of_range, "the number is out of range");
  at_ += token.size();
  return true;
}

bool json_cursor::read_float(float& out) { return read_real(out); }
bool json_cursor::read_double(double& out) { return read_real(out); }

bool json_cursor::next_behind_blanks(char close, const char* otherwise) {
  if (take(close)) {
    --depth_;
    return false;
  }
  return take(',') || fail(errc::invalid_json, otherwise);
}

bool json_cursor::take_string(string_token& out) {
  blanks();
  if (at_ == end_ || *at_ != '"') return expected("a string");
  const char* const begin = at_ + 1;
  const char* const special = scan::active().simple_end(begin, end_);
  if (special == end_ || *special != '"') return take_special_string(special, out);
  out = {{begin, static_cast<std::size_t>(special - begin)}, false};
  at_ = special + 1;
  return true;
}

// `special`: the first of its bytes that needs a closer look.
bool json_cursor::take_special_string(const char* special, string_token& out) {
  const scan::kernels& use = scan::active();
  const char* const begin = at_ + 1;
  const char* const quote = use.string_end(special, end_);
  if (quote == nullptr) return fail(errc::invalid_json, "a string without an end");
  out.inside = {begin, static_cast<std::size_t>(quote - begin)};
  out.escapes = std::memchr(special, '\\', static_cast<std::size_t>(quote - special)) != nullptr;
  // With escapes, whoever takes them out finds control characters.
  if (!out.escapes && use.plain_end(special, quote) != quote)
    return fail(errc::invalid_json, "a control character in a string");
  if (!use.is_utf8(special, quote)) return fail(errc::invalid_utf8, "a string that is not UTF-8");
  at_ = quote + 1;
  return true;
}

bool json_cursor::bad_escapes(std::string_view inside) {
  const bool control =
      std::any_of(inside.begin(), inside.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; });
  at_ = inside.data() - 1;
  return fail(errc::invalid_json,
              control ? "a control character in a string" : "malformed escape in a string");
}

bool json_cursor::read_string(std::string& out) {
  blanks();
  if (at_ == end_ || *at_ != '"') return expected("a string");
  const char* const begin = at_ + 1;
  const char* const special = scan::active().simple_end(begin, end_);
  if (special == end_ || *special != '"') return read_special_string(special, out);
  out.assign(begin, special);
  at_ = special + 1;
  return true;
}

bool json_cursor::read_special_string(const char* special, std::string& out) {
  string_token token;
  if (!take_special_string(special, token)) return false;
  if (token.escapes) return unescape(token.inside, out) || bad_escapes(token.inside);
  out.assign(token.inside);
  return true;
}

bool json_cursor::read_string(string_token& out) {
  return take_string(out) && (!out.escapes || are_escapes_valid(out.inside) || bad_escapes(out.inside));
}

bool json_cursor::read_plain_string(std::string_view& out) {
  string_token token;
  if (!take_string(token)) return false;
  out = token.inside;
  if (!token.escapes) return true;
  return fail(errc::wrong_type, "the string has escapes and can't be viewed in place");
}

bool json_cursor::read_raw(std::string_view& out) {
  blanks();
  const char* first = at_;
  if (!skip_value()) return false;
  out = {first, static_cast<std::size_t>(at_ - first)};
  return true;
}

bool json_cursor::skip_value() {
  blanks();
  const std::size_t size = skip_json_value({at_, static_cast<std::size_t>(end_ - at_)});
  if (size == 0) return expected("a value");
  at_ += size;
  return true;
}

bool alternatives::failed(json_cursor& in, std::size_t which) {
  const auto reread = static_cast<std::size_t>(in.at_ - start_.at_);
  const errc code = in.code_;
  const bool telling =
      !best_ || (in.at_ == furthest_ && code != errc::wrong_type && code_ == errc::wrong_type);
  if (in.at_ > furthest_ || telling) {
    furthest_ = in.at_;
    code_ = code;
    best_ = which;
  }
  const std::size_t left = in.rereads_left_;
  if (reread > left) {
    // Not back: whoever tries alternatives further out must not go on either.
    in.rereads_left_ = 0;
    in.quiet_ = start_.quiet_;
    in.failed_ = false;
    return in.fail(errc::wrong_type, "too many alternatives to try");
  }
  in = start_;
  in.quiet_ = true;
  in.rereads_left_ = left - reread;
  return false;
}

std::optional<std::size_t> alternatives::none_fits(json_cursor& in) {
  in.quiet_ = start_.quiet_;
  if (!in.good()) return std::nullopt;
  if (furthest_ == start_.at_ && (!best_ || code_ == errc::wrong_type)) {
    in.fail(errc::wrong_type, "no alternative of the variant fits ", in.found());
    return std::nullopt;
  }
  if (!in.quiet_) return best_;
  in.at_ = furthest_;
  in.fail(code_);
  return std::nullopt;
}

}  // namespace antiphon::detail
