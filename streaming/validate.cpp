#include "streaming/bounds.hpp"
#include "streaming/json_number.hpp"
#include "streaming/json_text.hpp"
#include "streaming/scan/kernels.hpp"
#include "streaming/utf8.hpp"
#include "streaming/validate_by_bytes.hpp"

#include <antiphon/streaming/validate.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace antiphon {
namespace {

using detail::is_digit;
bool is_hex_digit(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Bytes that may stand in a string as they are and on their own.
constexpr std::array<bool, 256> plain = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
  return table;
}();

// Walks the grammar of RFC 8259 byte by byte, with one bit of memory per open bracket. It says what is wrong
// and where; that nothing is wrong is found out faster by scan/kernels.inl, which is tested against this.
class checker {
 public:
  checker(std::string_view text, std::size_t max_depth) noexcept
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        max_depth_(std::min(max_depth, detail::most_depth)) {}

  bool run() noexcept;
  errc error() const noexcept { return error_; }
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  bool fail(errc why) noexcept {
    error_ = why;
    return false;
  }
  char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }
  void skip_blanks() noexcept {
    while (at_ != end_ && detail::is_json_blank(*at_)) ++at_;
  }

  bool open(bool object) noexcept;
  bool in_object() const noexcept { return (kinds_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
  bool name() noexcept;
  bool scalar() noexcept;
  bool word(std::string_view word) noexcept;
  bool string() noexcept;
  bool escape() noexcept;
  bool code_unit(unsigned& unit) noexcept;
  bool multi_byte() noexcept;
  bool number() noexcept;

  const char* begin_;
  const char* at_;
  const char* end_;
  std::size_t max_depth_;
  std::size_t depth_ = 0;
  std::array<std::uint64_t, detail::most_depth / 64> kinds_;  // a word is written before it is read
  errc error_ = errc::invalid_json;
};

bool checker::run() noexcept {
  for (;;) {
    skip_blanks();
    const char first = peek();
    if (first == '{') {
      if (!open(true)) return false;
      if (peek() != '}') {
        if (!name()) return false;
        continue;
      }
    } else if (first == '[') {
      if (!open(false)) return false;
      if (peek() != ']') continue;
    } else if (!scalar()) {
      return false;
    }
    for (;;) {  // a value is complete, or an empty bracket stands before its end
      skip_blanks();
      if (depth_ == 0) return at_ == end_ || fail(errc::invalid_json);
      const char c = peek();
      if (c == (in_object() ? '}' : ']')) {
        ++at_;
        --depth_;
        continue;
      }
      if (c != ',') return fail(errc::invalid_json);
      ++at_;
      if (in_object() && !name()) return false;
      break;
    }
  }
}

bool checker::open(bool object) noexcept {
  if (depth_ == max_depth_) return fail(errc::nesting_too_deep);
  const auto bit = std::uint64_t{1} << (depth_ % 64);
  auto& word = kinds_[depth_ / 64];
  if (depth_ % 64 == 0) word = 0;
  word = object ? word | bit : word & ~bit;
  ++depth_;
  ++at_;
  skip_blanks();
  return true;
}

bool checker::name() noexcept {
  skip_blanks();
  if (peek() != '"') return fail(errc::invalid_json);
  if (!string()) return false;
  skip_blanks();
  if (peek() != ':') return fail(errc::invalid_json);
  ++at_;
  return true;
}

bool checker::scalar() noexcept {
  switch (peek()) {
    case '"': return string();
    case 't': return word("true");
    case 'f': return word("false");
    case 'n': return word("null");
    default: return number();
  }
}

bool checker::word(std::string_view word) noexcept {
  for (const char c : word) {
    if (peek() != c) return fail(errc::invalid_json);
    ++at_;
  }
  return true;
}

bool checker::string() noexcept {
  ++at_;
  for (;;) {
    while (at_ != end_ && plain[static_cast<unsigned char>(*at_)]) ++at_;
    if (at_ == end_) return fail(errc::invalid_json);
    const auto c = static_cast<unsigned char>(*at_);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c < 0x20) return fail(errc::invalid_json);
    if (!(c == '\\' ? escape() : multi_byte())) return false;
  }
}

bool checker::escape() noexcept {
  ++at_;
  if (peek() != 'u') {
    if (at_ == end_ || std::string_view("\"\\/bfnrt").find(*at_) == std::string_view::npos)
      return fail(errc::invalid_json);
    ++at_;
    return true;
  }
  unsigned unit = 0;
  if (!code_unit(unit)) return false;
  if (unit < 0xD800 || unit > 0xDFFF) return true;
  // Half of a pair has no UTF-8 form, so it could not be handed on.
  if (unit > 0xDBFF || peek() != '\\') return fail(errc::invalid_json);
  ++at_;
  if (peek() != 'u') return fail(errc::invalid_json);
  if (!code_unit(unit)) return false;
  return (unit >= 0xDC00 && unit <= 0xDFFF) || fail(errc::invalid_json);
}

bool checker::code_unit(unsigned& unit) noexcept {
  ++at_;
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = peek();
    if (!is_hex_digit(c)) return fail(errc::invalid_json);
    unit = unit * 16 + static_cast<unsigned>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return true;
}

bool checker::multi_byte() noexcept { return detail::skip_multi_byte(at_, end_) || fail(errc::invalid_utf8); }

bool checker::number() noexcept {
  const detail::number_scan scan = detail::scan_number(at_, end_);
  at_ = scan.end == nullptr ? scan.problem : scan.end;
  return scan.end != nullptr || fail(scan.error);
}

}  // namespace

error_code detail::validate_by_bytes(std::string_view text, std::size_t max_depth,
                                     std::size_t* offset) noexcept {
  checker check(text, max_depth);
  if (check.run()) return {};
  if (offset != nullptr) *offset = check.offset();
  return check.error();
}

error_code validate(std::string_view text, std::size_t max_depth, std::size_t* offset) noexcept {
  detail::scan::check_state state(std::min(max_depth, detail::most_depth));
  if (detail::scan::active().check(text.data(), text.size(), true, state)) return {};
  return detail::validate_by_bytes(text, max_depth, offset);
}

validator::validator(std::size_t max_depth)
    : state_(std::make_unique<detail::scan::check_state>(std::min(max_depth, detail::most_depth))) {}

validator::validator(validator&&) noexcept = default;
validator& validator::operator=(validator&&) noexcept = default;
validator::~validator() = default;

void validator::restart() noexcept {
  if (state_->at == 0 && !failed_) return;
  std::construct_at(state_.get(), state_->max_depth);
  failed_ = false;
}

void validator::advance(std::string_view so_far) noexcept {
  if (so_far.size() < state_->at) restart();  // it is another text
  if (!failed_) failed_ = !detail::scan::active().check(so_far.data(), so_far.size(), false, *state_);
}

bool validator::finish(std::string_view text) noexcept {
  if (text.size() < state_->at) restart();
  const bool valid = !failed_ && detail::scan::active().check(text.data(), text.size(), true, *state_);
  failed_ = !valid;
  restart();
  return valid;
}

}  // namespace antiphon
