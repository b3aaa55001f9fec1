#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

// What the programs that use Google Benchmark have in common.
namespace bench {

// Registers `body`, which loops over the state, as `<corpus>/<what>`. Each round of it takes `bytes` of JSON,
// in `messages` messages.
void add(const std::string& corpus, const std::string& what, std::size_t bytes,
         std::function<void(benchmark::State&)> body, std::size_t messages = 1);

// A program's command line: `--corpus NAME`, once or more, for those corpora only; the rest is Google
// Benchmark's.
class program {
 public:
  program(int argc, char** argv);
  // Whether to register benchmarks with this corpus; to be asked about each that there is.
  bool wants(std::string_view corpus);
  // Runs what was registered. Returns the exit code.
  int run();

 private:
  std::vector<char*> arguments_;
  std::vector<std::string_view> wanted_;
  std::vector<std::string_view> unknown_;
};

}  // namespace bench
