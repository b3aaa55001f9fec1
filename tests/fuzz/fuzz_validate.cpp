#include "tests/fuzz/check.hpp"

#include <antiphon/streaming/validate.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <cmath>

// The validator says the same under every implementation of the scanner, and the same as Boost.JSON's strict
// parser but for what docs/decisions/0002-validator-differences.md lists.

namespace {

using antiphon::errc;
using antiphon::error_code;

// Looks for numbers beyond a double. No DOM, which would forget the first of duplicate members.
struct infinity_finder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;
  using text = boost::json::string_view;

  bool infinite = false;
  std::string number;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_string_part(text, std::size_t, error_code&) { return true; }
  bool on_string(text, std::size_t, error_code&) { return true; }
  bool on_key_part(text, std::size_t, error_code&) { return true; }
  bool on_key(text, std::size_t, error_code&) { return true; }
  bool on_number_part(text part, error_code&) {
    number.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t, text, error_code&) { return end_of_number(); }
  bool on_uint64(std::uint64_t, text, error_code&) { return end_of_number(); }
  bool on_double(double value, text rest, error_code&) {
    number.append(rest.data(), rest.size());
    // Boost.JSON 1.81 takes some numbers that round to the largest double for an infinity.
    infinite = infinite || (std::abs(value) > 1e308 && std::isinf(std::strtod(number.c_str(), nullptr)));
    return end_of_number();
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(text, error_code&) { return true; }
  bool on_comment(text, error_code&) { return true; }

 private:
  bool end_of_number() {
    number.clear();
    return true;
  }
};

struct verdict {
  error_code error;
  std::size_t offset = 0;
  friend bool operator==(const verdict&, const verdict&) = default;
};

verdict ours(std::string_view text, std::size_t depth) {
  verdict result;
  result.error = antiphon::validate(text, depth, &result.offset);
  return result;
}

void compare_with_boost(std::string_view text, std::size_t depth, error_code we_say) {
  boost::json::parse_options strict;
  strict.max_depth = depth;
  boost::json::basic_parser<infinity_finder> parser(strict);
  error_code they_say;
  const auto used = parser.write_some(false, text.data(), text.size(), they_say);
  if (!they_say && used < text.size()) they_say = boost::json::error::extra_data;
  const bool infinite = parser.handler().infinite;

  if (!we_say && they_say)
    fuzz::must(they_say == boost::json::error::exponent_overflow, "only Boost.JSON refuses it");
  if (!we_say) fuzz::must(!infinite, "what became an infinity was accepted");
  if (we_say && !they_say)
    fuzz::must(we_say == errc::number_out_of_range && infinite, "only the validator refuses it");
  if (we_say && they_say && we_say != errc::number_out_of_range &&
      they_say != boost::json::error::exponent_overflow) {
    fuzz::must((we_say == errc::nesting_too_deep) == (they_say == boost::json::error::too_deep),
               "it is refused for another reason");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  // Few inputs get to the deepest level that there is; many to a low one.
  for (const std::size_t depth : {std::size_t{16}, std::size_t{1024}}) {
    const verdict we_say = fuzz::same_for_every_scanner([&] { return ours(text, depth); });
    fuzz::must(we_say.offset <= text.size(), "the offset is behind the text");
    compare_with_boost(text, depth, we_say.error);
  }
  return 0;
}
