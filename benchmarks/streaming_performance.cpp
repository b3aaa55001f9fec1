// How fast messages of the shapes that language servers send are read and written, side by side with
// Boost.JSON, nlohmann and simdjson. `--corpus NAME` (more than once, if need be) measures one shape only;
// the other options are Google Benchmark's. `./dev bench streaming_performance` makes a table of it.

#include "benchmarks/corpus/messages.hpp"
#include "benchmarks/program.hpp"
#include "benchmarks/streaming/cases.hpp"

#include <antiphon/streaming/scanner.hpp>

#include <fmt/core.h>

#include <deque>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

struct shape {
  std::string_view name;
  corpus::message (*make)();
  // Some are here only for how time grows with size.
  bool chunks_only = false;
};
constexpr shape shapes[] = {
    {"hover", [] { return corpus::hover(); }},
    {"completion", [] { return corpus::completion(40'000, corpus::script::latin); }},
    {"completion_cjk", [] { return corpus::completion(40'000, corpus::script::cjk); }},
    {"did_change", [] { return corpus::did_change(100'000); }},
    {"semantic_tokens", [] { return corpus::semantic_tokens(500'000); }},
    {"long_string", [] { return corpus::long_string(mib); }},
    {"document_128KiB", [] { return corpus::document(128 * kib); }, true},
    {"document_1MiB", [] { return corpus::document(mib); }, true},
    {"document_16MiB", [] { return corpus::document(16 * mib); }},
};

void add_all(const corpus::message& message, bool chunks_only) {
  if (chunks_only) {
    bench::add_chunks(message);
    return;
  }
  bench::add_antiphon(message);
  bench::add_boost_json(message);
#ifdef ANTIPHON_BENCH_NLOHMANN
  bench::add_nlohmann(message);
#endif
#ifdef ANTIPHON_BENCH_SIMDJSON
  bench::add_simdjson(message);
#endif
  bench::add_structs(message);
  bench::add_chunks(message);
}

// What the figures were made with; a line for each yardstick that isn't there.
void describe() {
  benchmark::AddCustomContext("scanner", std::string(antiphon::scanner_implementation()));
#ifdef ANTIPHON_BENCH_SIMDJSON
  benchmark::AddCustomContext("simdjson", bench::simdjson_description());
#else
  fmt::print(stderr, "simdjson was not there when this was built: skipped\n");
#endif
#ifndef ANTIPHON_BENCH_NLOHMANN
  fmt::print(stderr, "nlohmann-json was not there when this was built: skipped\n");
#endif
}

}  // namespace

int main(int argc, char** argv) {
  bench::program program(argc, argv);
  describe();
  std::deque<corpus::message> messages;  // the benchmarks point into them
  for (const auto& [name, make, chunks_only] : shapes)
    if (program.wants(name)) add_all(messages.emplace_back(make()), chunks_only);
  return program.run();
}
