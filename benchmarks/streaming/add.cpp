#include "benchmarks/streaming/cases.hpp"

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

}  // namespace bench
