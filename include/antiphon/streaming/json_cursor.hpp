#pragma once

#include <antiphon/buffer.hpp>
#include <antiphon/error.hpp>

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace antiphon {
struct decode_error;
}

namespace antiphon::detail {

/// Reads one JSON text from left to right, value by value, for decode.hpp.
///
/// It checks what it reads, so text that was never validated is safe; every reader returns false after
/// setting the error. Copying it is a way to come back to where it stood. Allocates for strings with escapes
/// and for errors only.
class json_cursor {
 public:
  /// @param owner what pins `text`; shared with the raw_json values read. May be null.
  explicit json_cursor(std::string_view text, const slice* owner = nullptr) noexcept
      : at_(text.data()),
        end_(text.data() + text.size()),
        owner_(owner),
        rereads_left_(least_rereads + 16 * text.size()) {}

  const slice* owner() const noexcept { return owner_; }
  bool good() const noexcept { return error_ == nullptr; }
  /// Nothing but whitespace follows; an error otherwise.
  bool at_end();
  /// The coming value in a word: "a string", "the end".
  std::string_view found() noexcept;

  bool read_null() noexcept;  // takes it if it is null; no error otherwise
  bool read_bool(bool& out);
  bool read_int64(std::int64_t& out);
  bool read_uint64(std::uint64_t& out);
  bool read_float(float& out);
  bool read_double(double& out);
  /// The content, unescaped; the view is valid until the next string is read.
  bool read_string(std::string_view& out);
  /// The content as a part of the text; an error when it has escapes.
  bool read_plain_string(std::string_view& out);
  bool read_raw(std::string_view& out);
  bool read_dom(boost::json::value& out);
  bool skip_value();

  bool enter_array();
  /// True when an element follows; false at the end of the array, which it takes, or on error.
  bool next_element();
  bool enter_object();
  bool next_member(std::string_view& key);

  // These return false, for the callers to pass on.
  bool fail(errc code, std::string message);
  bool at_member(std::string_view name);
  bool at_index(std::size_t index);
  /// That `what` was expected here, and what was found.
  bool expected(std::string_view what);

  decode_error take_error();

 private:
  friend class alternatives;
  static constexpr std::size_t least_rereads = 1024 * 1024;

  struct failure {
    errc code;
    std::string path;
    std::string message;
  };

  void blanks() noexcept;
  bool number_token(std::string_view what, std::string_view& token, bool& integral);
  template <class Number>
  bool read_real(Number& out);
  bool string_token(std::string_view& inside, bool& escapes);
  bool literal(std::string_view word) noexcept;

  const char* at_;
  const char* end_;
  const slice* owner_;
  bool fresh_ = false;  // right after '[' or '{': no comma is due
  unsigned depth_ = 0;
  std::size_t rereads_left_;              // bytes that may be read again for the sake of alternatives
  std::shared_ptr<std::string> scratch_;  // of the last string with escapes
  std::shared_ptr<failure> error_;
};

/// Attempts to read one value in several ways, one after the other.
///
/// Alternatives inside alternatives could take time exponential in their depth, so what is read again is
/// bounded, in proportion to the text.
class alternatives {
 public:
  explicit alternatives(const json_cursor& in) : start_(in), furthest_(in) {}

  /// An attempt has failed: back to where it began, or, when there may be no further one, still failed.
  /// False.
  bool failed(json_cursor& in);
  /// All have. The error is that of the one that got furthest. False.
  bool none_fits(json_cursor& in);

 private:
  json_cursor start_;
  json_cursor furthest_;
};

}  // namespace antiphon::detail
