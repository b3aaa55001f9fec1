#include "benchmarks/program.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace bench {

void add(const std::string& corpus, const std::string& what, std::size_t bytes,
         std::function<void(benchmark::State&)> body, std::size_t messages) {
  const auto run = [bytes, messages, body = std::move(body)](benchmark::State& state) {
    body(state);
    state.counters["bytes"] = static_cast<double>(bytes);
    state.counters["messages"] = static_cast<double>(messages);
  };
  benchmark::RegisterBenchmark((corpus + '/' + what).c_str(), run);
}

program::program(int argc, char** argv) {
  for (int at = 0; at < argc; ++at) {
    if (std::string_view(argv[at]) == "--corpus" && at + 1 < argc)
      wanted_.emplace_back(argv[++at]);
    else
      arguments_.push_back(argv[at]);
  }
  unknown_ = wanted_;
}

bool program::wants(std::string_view corpus) {
  std::erase(unknown_, corpus);
  return wanted_.empty() || std::ranges::find(wanted_, corpus) != wanted_.end();
}

int program::run() {
  if (!unknown_.empty()) {
    fmt::print(stderr, "{}: no corpus '{}'\n", arguments_.front(), unknown_.front());
    return 2;
  }
  int count = static_cast<int>(arguments_.size());
  benchmark::Initialize(&count, arguments_.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments_.data())) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
