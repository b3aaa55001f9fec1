#include "tests/unit/streaming/codec.hpp"

#include <antiphon/streaming/validate.hpp>

#include <random>

// Text that was never validated may be refused or not, but never crashes the reader (a sanitizer watches),
// and what is refused says why. What is well formed throughout is never refused as malformed, and what a DOM
// takes is well formed.

using antiphon::errc;
using antiphon::raw_json;

namespace {

const std::string documents[] = {
    R"({"flag":true,"small":-12,"large":18446744073709551615,"real":1.5e-3,"single":0.25,"text":"a\n\u00e9\ud83d\ude00",)"
    R"("maybe":null,"bits":[true,false],"triple":[1,-2,3],"couple":["c",255],"mixed":[1,"m",null],)"
    R"("sorted":{"s":[0.5,1e10]},"hashed":{"h":{"contents":"\"]}"}},"one_of":{"line":1,"character":2},)"
    R"("colour":"blue","severity":4,"place":{"uri":"u","line":1,"character":2},"unknown":{"a":[{},"}"]},)"
    R"("tree":{"name":"root","children":[{"name":"leaf","children":[]}]},"dom":[1,{"a":null},-0.0,[[]]]})",
    R"([1, "two", [3.5e+7, {"four": 4}], null, true, "\\\"\/\b\f\n\r\t\u0000"])",
    "\"\xF0\x9F\x98\x80 \\ud83d\\ude00 \xE2\x80\xA8\"",
    "-123.456e-78",
    R"( { "value" : 1 , "next" : { "value" : 2 , "next" : null } } )",
};

template <class T>
bool accepts(const raw_json& text) {
  auto result = text.try_decode<T>();
  if (result.has_value()) return true;
  CHECK(result.error().code.failed());
  CHECK_FALSE(result.error().message.empty());
  return false;
}

bool is_malformed(const antiphon::error_code& code) {
  return code == errc::invalid_json || code == errc::invalid_utf8 || code == errc::nesting_too_deep;
}

// The text in memory of exactly its size.
void check(std::string_view text) {
  INFO("decoding ", text);
  const auto memory = std::make_unique<char[]>(text.size());
  std::copy(text.begin(), text.end(), memory.get());
  const raw_json json(std::string_view(memory.get(), text.size()));

  const auto whole = antiphon::validate(json.text(), 1024);
  CHECK(accepts<boost::json::value>(json) == !whole);
  const auto typed = json.try_decode<codec::everything>();
  if (typed.has_error() && !whole) CHECK_FALSE(is_malformed(typed.error().code));
  accepts<codec::chain>(json);
  accepts<codec::hover>(json);
  accepts<std::vector<raw_json>>(json);
  accepts<std::map<std::string, raw_json>>(json);
  accepts<std::variant<double, std::string, std::vector<raw_json>, std::tuple<int, raw_json>, codec::chain>>(
      json);
  accepts<std::string>(json);
  accepts<std::string_view>(json);
  accepts<double>(json);
  accepts<std::int8_t>(json);
  accepts<bool>(json);
  accepts<std::optional<codec::celsius>>(json);
  json.kind();
}

}  // namespace

TEST_CASE("every prefix of a document is refused or read, never worse") {
  for (const auto& document : documents) {
    REQUIRE_FALSE(antiphon::validate(document, 1024));
    for (std::size_t size = 0; size <= document.size(); ++size) {
      check(std::string_view(document).substr(0, size));
      check(std::string_view(document).substr(size));
    }
  }
  CHECK(raw_json(documents[0]).decode<codec::everything>().large == 18446744073709551615u);
}

TEST_CASE("no prefix of an object is an object") {
  const std::string_view document = documents[0];
  for (std::size_t size = 0; size < document.size(); ++size) {
    CHECK_FALSE(accepts<codec::everything>(raw_json(document.substr(0, size))));
    CHECK_FALSE(accepts<boost::json::value>(raw_json(document.substr(0, size))));
    CHECK_FALSE(accepts<raw_json>(raw_json(document.substr(0, size))));
  }
}

TEST_CASE("random damage to a document is refused or read, never worse") {
  constexpr std::string_view bytes("{}[]\",:\\/ \n\tbfnrtu0123456789.-+eE\0\x1f\x7f\x80\xBF\xC3\xED\xF4\xFF",
                                   43);
  std::mt19937_64 random(20260102);
  const auto below = [&random](std::size_t n) { return random() % n; };
  for (int round = 0; round < 20'000; ++round) {
    std::string text = documents[below(std::size(documents))];
    for (auto damage = 1 + below(4); damage > 0 && !text.empty(); --damage) {
      const auto at = below(text.size());
      switch (below(5)) {
        case 0: text[at] = bytes[below(bytes.size())]; break;
        case 1: text.insert(at, 1, bytes[below(bytes.size())]); break;
        case 2: text.erase(at, 1 + below(8)); break;
        case 3: text.insert(below(text.size()), text.substr(at, 1 + below(16))); break;
        default: text[at] = static_cast<char>(below(256));
      }
    }
    check(text);
  }
}
