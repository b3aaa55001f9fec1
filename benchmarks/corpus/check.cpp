// Checks that the corpus is what the benchmarks say: valid JSON of the size promised, and the same bytes on
// every machine.

#include "benchmarks/corpus/lsp.hpp"
#include "benchmarks/corpus/messages.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/core.h>

#include <cstdint>
#include <cstdio>

namespace {

struct expected {
  corpus::message message;
  std::size_t at_least;
  std::size_t at_most;
  std::uint64_t fingerprint;
};

// FNV-1a.
std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

bool check(const expected& that) {
  const auto& [message, at_least, at_most, hash] = that;
  boost::system::error_code error;
  boost::json::parse(message.text, error);
  if (!error) boost::json::parse(message.payload(), error);
  const bool sized = message.text.size() >= at_least && message.text.size() <= at_most;
  const bool same = fingerprint(message.text) == hash;
  fmt::print("{:<18}{:>10} bytes{}{}{}\n", message.name, message.text.size(),
             error ? "  NOT JSON: " + error.message() : "", sized ? "" : "  NOT OF THE SIZE EXPECTED",
             same ? "" : fmt::format("  OTHER BYTES: {:#018x}", fingerprint(message.text)));
  return !error && sized && same;
}

// Throws when the structs don't fit the text.
void check_structs() {
  using namespace corpus;
  using boost::json::parse;
  using boost::json::value_to;
  value_to<lsp::hover_params>(parse(hover().payload()));
  value_to<lsp::completion_list>(parse(completion(40'000, script::latin).payload()));
  value_to<lsp::completion_list>(parse(completion(40'000, script::cjk).payload()));
  value_to<lsp::did_change_params>(parse(did_change(100'000).payload()));
  value_to<lsp::semantic_tokens>(parse(semantic_tokens(500'000).payload()));
}

}  // namespace

int main() {
  using namespace corpus;
  constexpr std::size_t kib = 1024;
  constexpr std::size_t mib = 1024 * kib;
  bool good = true;
  for (const expected& that : {
           expected{hover(), 170, 170, 0xc4a6566ed0f771ce},
           expected{completion(40'000, script::latin), 40'000, 42'000, 0xf651f1677e250961},
           expected{completion(40'000, script::cjk), 40'000, 42'000, 0xe7b2eee21b7fcbcc},
           expected{did_change(100'000), 100'000, 101'000, 0x3b82c4a70c1d0f7e},
           expected{semantic_tokens(500'000), 500'000, 501'000, 0x13d7a28dd512720d},
           expected{long_string(mib), mib, mib + 100, 0x4d5e7bd9bedd6f47},
           expected{document(128 * kib), 128 * kib, 128 * kib, 0x5647efabbedff615},
           expected{document(mib), mib, mib, 0x4adc0a73a2feb12e},
           expected{document(16 * mib), 16 * mib, 16 * mib, 0x70be5d42e3a4d4ad},
       })
    good = check(that) && good;
  try {
    check_structs();
  } catch (const std::exception& problem) {
    fmt::print("the structs don't fit: {}\n", problem.what());
    good = false;
  }
  return good ? 0 : 1;
}
