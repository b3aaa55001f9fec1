#include "benchmarks/streaming/cases.hpp"

#include <nlohmann/json.hpp>

namespace bench {

void add_nlohmann(const corpus::message& message) {
  const std::string_view text = message.text;
  add(message.name, "nlohmann parse", text.size(), [text](benchmark::State& state) {
    for (auto _ : state) {
      const auto value = nlohmann::json::parse(text);
      benchmark::DoNotOptimize(value);
    }
  });
  add(message.name, "nlohmann accept", text.size(), [text](benchmark::State& state) {
    for (auto _ : state) {
      const bool accepted = nlohmann::json::accept(text);
      benchmark::DoNotOptimize(accepted);
    }
  });
}

}  // namespace bench
