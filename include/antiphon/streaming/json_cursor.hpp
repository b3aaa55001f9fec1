#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/error.hpp>

#include <boost/json/fwd.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace antiphon {
struct decode_error;
}

namespace antiphon::detail {

/// A string that has been read and not unescaped.
struct string_token {
  std::string_view inside;  // without its quotes
  bool escapes = false;
  /// Whether its content is this.
  bool is(std::string_view content) const noexcept;
};

/// Reads one JSON text from left to right, value by value, for decode.hpp.
///
/// It checks what it reads, so text that was never validated is safe; every reader returns false after
/// setting the error. Allocates for an error only, and what the values read own.
class json_cursor {
 public:
  /// @param owner what pins `text`; shared with the raw_json values read. May be null.
  explicit json_cursor(std::string_view text, const slice* owner = nullptr) noexcept
      : at_(text.data()),
        end_(text.data() + text.size()),
        owner_(owner),
        rereads_left_(least_rereads + 16 * text.size()),
        spare_(text.size()) {}

  const slice* owner() const noexcept { return owner_; }
  bool good() const noexcept { return !failed_; }
  /// Nothing but whitespace follows; an error otherwise.
  bool at_end();
  /// Whether the coming value begins with `first`.
  bool at_value(char first) noexcept {
    blanks();
    return at_ != end_ && *at_ == first;
  }
  /// The coming value in a word: "a string", "the end".
  std::string_view found() noexcept;

  bool read_null() noexcept {  // takes it if it is null; no error otherwise
    blanks();
    return at_ != end_ && *at_ == 'n' && literal("null");
  }
  bool read_bool(bool& out);
  bool read_int64(std::int64_t& out) {
    std::uint64_t magnitude = 0;
    if (!read_short(magnitude)) return read_any_int64(out);
    out = static_cast<std::int64_t>(magnitude);
    return true;
  }
  bool read_uint64(std::uint64_t& out) { return read_short(out) || read_any_uint64(out); }
  bool read_float(float& out);
  bool read_double(double& out);
  bool read_string(std::string& out);
  bool read_string(string_token& out);
  /// The content as a part of the text; an error when it has escapes.
  bool read_plain_string(std::string_view& out);
  bool read_raw(std::string_view& out);
  bool read_dom(boost::json::value& out);
  bool read_dom(boost::json::object& out);
  bool read_dom(boost::json::array& out);
  bool read_dom(boost::json::string& out);
  bool skip_value();

  /// Takes the bracket that opens an array; `more`: an element follows. Otherwise its end is taken too.
  bool enter_array(bool& more) { return enter('[', ']', more) || expected("an array"); }
  /// Behind an element: true when one more follows; false at the end of the array, which it takes, or on
  /// error.
  bool next_element() { return next_before(']', "expected ',' or ']'"); }
  /// The same for an object's members, of which then `take_name` or `read_name` takes the name.
  bool enter_object(bool& more) { return enter('{', '}', more) || expected("an object"); }
  bool next_member() {
    if (!next_before('}', "expected ',' or '}'")) return false;
    blanks();
    return true;
  }
  /// The name, if it is this one, written in the usual way; `key` is the name in quotes, and a colon.
  // Inline, so that the comparison is one with a constant.
  [[gnu::always_inline]] bool take_name(std::string_view key) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < key.size()) return false;
    if (std::memcmp(at_, key.data(), key.size()) != 0) return false;
    at_ += key.size();
    return true;
  }
  /// Whichever it is.
  template <class Name>
  bool read_name(Name& name) {
    return read_string(name) && take_colon();
  }

  /// Behind an element: the elements that follow it, each with the comma before it, for as long as they are
  /// plain integers of a few digits. What it stops at is for `next_element`.
  template <class T>
  void append_small_integers(std::vector<T>& out) {
    const char* at = at_;
    while (end_ - at > 8 && *at == ',' && std::endian::native == std::endian::little) {
      std::uint64_t bytes = 0;
      std::memcpy(&bytes, at + 1, 8);
      // Digits have this bit, and of what may stand behind them only brackets: the length is known early,
      // since the next one waits for it. Then whether they were digits.
      const std::uint64_t others = ~bytes & 0x1010101010101010;
      const auto count = static_cast<unsigned>(std::countr_zero(others)) / 8;
      if (count == 0 || count == 8 || at[1 + count] != ',') break;
      // All of it in one test each that hardly ever fails: which digits there are can't be foreseen.
      const bool leading_zero =
          static_cast<bool>(static_cast<int>(count > 1) & static_cast<int>((bytes & 0xFF) == '0'));
      const std::uint64_t digits = (bytes - 0x3030303030303030) << (64 - 8 * count);
      if ((((digits + 0x7676767676767676) | digits) & 0x8080808080808080) != 0 || leading_zero) break;
      const std::uint64_t value = from_digits(digits);
      if (!std::in_range<T>(value)) break;
      out.push_back(static_cast<T>(value));
      at += 1 + count;
    }
    at_ = at;
  }

  std::size_t bytes_left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// Behind an array's first element, of `size` bytes: makes room for as many of them as the text may have.
  /// All that is made room for in a text is no larger than the text.
  template <class T>
  void reserve_rest(std::vector<T>& out, std::size_t size) {
    if (at_ == end_ || *at_ != ',') return;
    const std::size_t alike = bytes_left() / (size + 1);
    const std::size_t count = std::min(2 + alike + alike / 8, spare_ / sizeof(T));
    if (count <= out.capacity()) return;
    spare_ -= count * sizeof(T);
    out.reserve(count);
  }

  // These return false, for the callers to pass on.
  /// The message is put together from `parts`, texts and numbers, when somebody will see it.
  template <class... Parts>
  bool fail(errc code, const Parts&... parts) {
    if (failed_) return false;
    failed_ = true;
    code_ = code;
    if (quiet_) return false;
    error_ = std::make_shared<failure>();
    (add_part(parts), ...);
    return false;
  }
  bool at_member(std::string_view name);
  bool at_index(std::size_t index);
  /// That `what` was expected here, and what was found.
  bool expected(std::string_view what);

  decode_error take_error();

 private:
  friend class alternatives;
  static constexpr std::size_t least_rereads = 1024 * 1024;
  // Typed decoding recurses with the type; only a type that contains itself can get this deep.
  static constexpr unsigned max_depth = 1024;

  struct failure {
    std::string path;
    std::string message;
  };

  void add_part(std::string_view text) { error_->message += text; }
  void add_part(std::size_t number) { error_->message += std::to_string(number); }

  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  [[gnu::always_inline]] void blanks() noexcept {
    while (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ' &&
           (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
      ++at_;
  }
  [[gnu::always_inline]] bool take(char c) noexcept {
    blanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool enter(char open, char close, bool& more) {
    if (!take(open)) return false;
    if (++depth_ > max_depth) return fail(errc::nesting_too_deep, "nested too deeply");
    more = !take(close);
    if (!more) --depth_;
    return true;
  }
  [[gnu::always_inline]] bool next_before(char close, const char* otherwise) {
    const char next = at_ == end_ ? '\0' : *at_;
    if (next != ',' && next != close) return next_behind_blanks(close, otherwise);
    ++at_;
    if (next == ',') return true;
    --depth_;
    return false;
  }
  bool next_behind_blanks(char close, const char* otherwise);
  bool take_colon() { return take(':') || fail(errc::invalid_json, "expected ':'"); }
  /// At most seven digits before a comma or the end of what they are in; false, with nothing taken, for what
  /// needs a closer look. How many there are is hard to foresee, so that there is no branch for each.
  bool read_short(std::uint64_t& out) noexcept {
    blanks();
    if (std::endian::native != std::endian::little || end_ - at_ < 8) return read_short_at_end(out);
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at_, 8);
    const std::uint64_t digits = bytes - 0x3030303030303030;
    const std::uint64_t others = ((bytes + 0x4646464646464646) | digits | bytes) & 0x8080808080808080;
    const auto count = static_cast<unsigned>(std::countr_zero(others)) / 8;
    if (count == 0 || count == 8) return false;
    const char next = at_[count];
    if (next != ',' && (next | 0x20) != '}') return false;
    if ((static_cast<int>(count > 1) & static_cast<int>((bytes & 0xFF) == '0')) != 0) return false;
    out = from_digits(digits << (64 - 8 * count));
    at_ += count;
    return true;
  }
  /// The same where fewer than eight bytes are left.
  bool read_short_at_end(std::uint64_t& out) noexcept {
    const char* at = at_;
    std::uint64_t value = 0;
    for (; at != end_ && is_digit(*at); ++at) value = value * 10 + static_cast<std::uint64_t>(*at - '0');
    const auto count = at - at_;
    if (count == 0 || count >= 8 || at == end_ || (count > 1 && *at_ == '0')) return false;
    if (*at != ',' && (*at | 0x20) != '}') return false;
    out = value;
    at_ = at;
    return true;
  }
  /// Eight digits, the first the lowest byte: pairs, then both halves of the pairs of pairs at once.
  static std::uint64_t from_digits(std::uint64_t digits) noexcept {
    digits = digits * 10 + (digits >> 8);
    return ((digits & 0x000000FF000000FF) * 0x000F424000000064 +
            ((digits >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
           32;
  }
  bool read_any_int64(std::int64_t& out);
  bool read_any_uint64(std::uint64_t& out);
  bool number_token(std::string_view what, std::string_view& token, bool& integral);
  template <class Number>
  bool read_real(Number& out);
  bool take_string(string_token& out);
  bool take_special_string(const char* special, string_token& out);
  bool read_special_string(const char* special, std::string& out);
  bool bad_escapes(std::string_view inside);
  bool literal(std::string_view word) noexcept;

  const char* at_;
  const char* end_;
  const slice* owner_;
  unsigned depth_ = 0;
  std::size_t rereads_left_;  // bytes that may be read again for the sake of alternatives
  std::size_t spare_;         // bytes of room that may be made for elements that may come
  bool quiet_ = false;        // nobody will see the error
  bool failed_ = false;
  errc code_{};
  std::shared_ptr<failure> error_;
};

/// Attempts to read one value in several ways, one after the other, quietly.
///
/// Alternatives inside alternatives could take time exponential in their depth, so what is read again is
/// bounded, in proportion to the text.
class alternatives {
 public:
  explicit alternatives(json_cursor& in) : start_(in), furthest_(in.at_) { in.quiet_ = true; }

  /// An attempt has come through. True.
  bool fits(json_cursor& in) const noexcept {
    in.quiet_ = start_.quiet_;
    return true;
  }
  /// An attempt has failed: back to where it began, or, when there may be no further one, still failed.
  /// False.
  bool failed(json_cursor& in, std::size_t which);
  /// All have. Which one got furthest and is to be tried again, aloud, so that its error is seen; none when
  /// the error stands.
  std::optional<std::size_t> none_fits(json_cursor& in);

 private:
  json_cursor start_;
  const char* furthest_;
  errc code_{};
  std::optional<std::size_t> best_;
};

}  // namespace antiphon::detail
