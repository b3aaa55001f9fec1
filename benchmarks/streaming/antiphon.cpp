#include "benchmarks/streaming/cases.hpp"

#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/scanner.hpp>
#include <antiphon/streaming/validate.hpp>

namespace bench {
namespace {

constexpr antiphon::limits bounds;

void envelope(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    const auto view = antiphon::message_view::parse(text, bounds);
    benchmark::DoNotOptimize(view);
  }
}

void full(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    const auto error = antiphon::validate(text, bounds.depth);
    benchmark::DoNotOptimize(error);
  }
}

void both(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    const auto error = antiphon::validate(text, bounds.depth);
    const auto view = antiphon::message_view::parse(text, bounds);
    benchmark::DoNotOptimize(error);
    benchmark::DoNotOptimize(view);
  }
}

struct pass {
  std::string_view name;
  void (*run)(benchmark::State&, std::string_view);
};
constexpr pass passes[] = {{"envelope", envelope}, {"full", full}, {"full+envelope", both}};

}  // namespace

void add_antiphon(const corpus::message& message) {
  for (const auto scanner : antiphon::scanner_implementations()) {
    for (const pass& each : passes) {
      const auto body = [scanner, run = each.run,
                         text = std::string_view(message.text)](benchmark::State& state) {
        const auto before = antiphon::scanner_implementation();
        antiphon::use_scanner_implementation(scanner);
        if (antiphon::validate(text, bounds.depth) ||
            antiphon::message_view::parse(text).kind() == antiphon::message_kind::invalid)
          state.SkipWithError("antiphon refuses the message");
        run(state, text);
        antiphon::use_scanner_implementation(before);
      };
      add(message.name, std::string(each.name) + '/' + std::string(scanner), message.text.size(), body);
    }
  }
}

}  // namespace bench
