#include "tests/fuzz/check.hpp"
#include "tests/fuzz/dom.hpp"
#include "tests/fuzz/heap.hpp"
#include "tests/fuzz/types.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/validate.hpp>

#include <boost/json/parse.hpp>

// What decodes, encodes to valid text that decodes to an equal value; what doesn't, says why. The same under
// every implementation of the scanner. A DOM comes of exactly what the validator accepts.

namespace {

using antiphon::raw_json;
using boost::json::value;

constexpr std::size_t depth = 1024;

template <class T>
std::string encoded(const T& value) {
  fuzz::heap memory;
  // Small, so that texts go from one block into the next.
  antiphon::output_chain out(memory, 64);
  antiphon::encode(out, value);
  std::vector<antiphon::slice> parts;
  out.take(parts);
  std::string text;
  for (const auto& part : parts) text.append(part.bytes());
  return text;
}

// Views in it live as long as the text.
template <class T>
auto try_decode(std::string_view text) {
  return raw_json(text).try_decode<T>();
}

struct outcome {
  bool decoded = false;
  std::string text;  // of the value, or why there is none
  friend bool operator==(const outcome&, const outcome&) = default;
};

void check_error(const antiphon::decode_error& error) {
  fuzz::must(error.code.failed() && !error.message.empty(), "an error without a reason");
  fuzz::must(error.path.empty() || error.path[0] == '/', "a path is no JSON pointer");
}

template <class T>
outcome look(std::string_view text) {
  const auto result = try_decode<T>(text);
  if (result.has_value()) return {true, encoded(*result)};
  check_error(result.error());
  return {false, result.error().code.message() + result.error().describe()};
}

template <class T>
void round_trip(std::string_view text) {
  const auto first = try_decode<T>(text);
  const outcome same = fuzz::same_for_every_scanner([&] { return look<T>(text); });
  if (!same.decoded) return;
  fuzz::must(!antiphon::validate(same.text, depth), "a value encodes to text that is not valid");
  fuzz::must(same.text.find('\n') == same.text.npos, "a text has more than one line");
  const auto second = try_decode<T>(same.text);
  fuzz::must(second.has_value(), "what was encoded doesn't decode");
  fuzz::must(*second == *first, "a value is another after a round trip");
}

void leave_undecoded(std::string_view text) {
  const outcome same = fuzz::same_for_every_scanner([&] { return look<fuzz::undecoded>(text); });
  if (!same.decoded || antiphon::validate(text, depth)) return;
  fuzz::must(!antiphon::validate(same.text, depth), "a splice is not valid");
  fuzz::must(look<fuzz::undecoded>(same.text) == same, "a splice is another after a round trip");
}

// The last of duplicate members counts, in a map as in a DOM.
void check_members(std::string_view text, const boost::json::object& dom) {
  const auto map = try_decode<std::map<std::string, value>>(text);
  fuzz::must(map.has_value() && map->size() == dom.size(), "a map has other members than a DOM");
  for (const auto& [name, member] : *map) {
    const value* there = dom.if_contains({name.data(), name.size()});
    fuzz::must(there != nullptr && *there == member, "a member of a map is something else");
  }
}

void compare_dom(std::string_view text) {
  const auto ours = try_decode<value>(text);
  fuzz::must(ours.has_value() == !antiphon::validate(text, depth), "decoder and validator disagree");
  if (!ours.has_value()) return;
  boost::json::parse_options strict;
  strict.max_depth = depth;
  boost::system::error_code error;
  const value theirs = boost::json::parse(text, error, {}, strict);
  if (ours->is_object()) check_members(text, ours->get_object());
  // An exponent that only we can read: docs/decisions/0002-validator-differences.md.
  if (!error) fuzz::must(fuzz::alike(*ours, theirs), "the DOM is another than Boost.JSON's");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  round_trip<fuzz::everything>(text);
  round_trip<fuzz::anything>(text);
  round_trip<fuzz::node>(text);
  round_trip<std::vector<fuzz::node>>(text);
  round_trip<std::map<std::string, std::optional<fuzz::located>>>(text);
  round_trip<std::variant<fuzz::position, fuzz::colour, std::tuple<std::string_view, double>, std::string,
                          std::vector<std::vector<std::int64_t>>, float>>(text);
  round_trip<fuzz::celsius>(text);
  round_trip<value>(text);
  compare_dom(text);
  leave_undecoded(text);
  return 0;
}
