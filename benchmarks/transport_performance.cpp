// What transports cost: making them, their memory, and bytes through them, beside the bare system calls. Both
// ends of a transfer run on one thread, so the figures are the work of both together; `./dev bench
// transport_performance` makes a table of them.

#include "benchmarks/program.hpp"
#include "benchmarks/transport/transfer.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/transport/buffer_pool.hpp>
#include <antiphon/transport/memory_pipe.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;
using namespace bench;

// --- making -----------------------------------------------------------------------------------------------

// Goes nowhere.
class no_transport final : public antiphon::transport {
 public:
  explicit no_transport(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  antiphon::buffer acquire(std::size_t at_least) override { return antiphon::buffer::allocate(at_least); }
  asio::awaitable<std::size_t> receive_into(antiphon::buffer& /*into*/) override { co_return 0; }
  asio::awaitable<void> send(std::span<const std::string_view> /*parts*/) override { co_return; }
  void close() noexcept override {}
  executor_type get_executor() override { return executor_; }

 private:
  asio::any_io_executor executor_;
};

void make_endpoints_alone(benchmark::State& state) {
  asio::io_context context(1);
  for (auto _ : state) {
    antiphon::endpoint peer(std::make_unique<no_transport>(context.get_executor()), antiphon::router());
    benchmark::DoNotOptimize(peer);
  }
}

void make_endpoints(benchmark::State& state) {
  asio::io_context context(1);
  for (auto _ : state) {
    auto [one, other] = antiphon::make_memory_pipe(context.get_executor());
    antiphon::router routes;
    routes.on_request("echo", [](antiphon::raw_json params) { return params; });
    antiphon::endpoint peer(std::move(one), std::move(routes));
    benchmark::DoNotOptimize(peer);
  }
}

void make_connections(benchmark::State& state, const route& over) {
  asio::io_context context(1);
  for (auto _ : state) {
    auto between = over.open(context);
    benchmark::DoNotOptimize(between);
  }
  // Child processes end now that their input has.
  context.restart();
  context.run();
}

// --- memory -----------------------------------------------------------------------------------------------

// One for all threads.
antiphon::buffer_pool& kept() {
  static antiphon::buffer_pool pool;
  return pool;
}

void acquire_kept(benchmark::State& state, std::size_t size) {
  for (auto _ : state) benchmark::DoNotOptimize(kept().acquire(size).data());
}
void acquire_new(benchmark::State& state, std::size_t size) {
  antiphon::buffer_pool pool({.max_bytes_kept = 0});
  for (auto _ : state) benchmark::DoNotOptimize(pool.acquire(size).data());
}
void from_heap(benchmark::State& state, std::size_t size) {
  for (auto _ : state) benchmark::DoNotOptimize(std::make_unique_for_overwrite<char[]>(size).get());
}

constexpr std::size_t rounds_of_a_thread = 100'000;

void acquire_on_threads(benchmark::State& state, std::size_t count) {
  for (auto _ : state) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([] {
        for (std::size_t round = 0; round < rounds_of_a_thread; ++round)
          benchmark::DoNotOptimize(kept().acquire(64 << 10).data());
      });
    }
  }
}

void add_memory() {
  struct {
    std::string_view name;
    std::size_t bytes;
  } constexpr sizes[] = {{"1 KiB", 1 << 10}, {"64 KiB", 64 << 10}, {"1 MiB", 1 << 20}};
  for (const auto& [name, bytes] : sizes) {
    const std::string after = ", " + std::string(name);
    const auto add_one = [&after, size = bytes](const char* what,
                                                void (*run)(benchmark::State&, std::size_t)) {
      add("memory", what + after, 0, [=](benchmark::State& state) { run(state, size); });
    };
    add_one("heap", from_heap);
    add_one("pool, kept", acquire_kept);
    add_one("pool, new", acquire_new);
  }
  for (const std::size_t threads : {2U, 4U}) {
    add(
        "memory", "pool, kept, 64 KiB, " + std::to_string(threads) + " threads", 0,
        [threads](benchmark::State& state) { acquire_on_threads(state, threads); },
        threads * rounds_of_a_thread);
  }
}

// --- conversion -------------------------------------------------------------------------------------------

// A message that lies in memory becomes bytes to send: copied into new memory with a line end behind, or
// framed where it lies.
void copy_to_new(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    std::vector<char> framed;
    framed.reserve(text.size() + 1);
    framed.insert(framed.end(), text.begin(), text.end());
    framed.push_back('\n');
    benchmark::DoNotOptimize(framed.data());
    benchmark::ClobberMemory();
  }
}
void copy_only(benchmark::State& state, std::string_view text) {
  std::string to(text.size(), '\0');
  for (auto _ : state) {
    std::memcpy(to.data(), text.data(), text.size());
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
}
void frame_in_place(benchmark::State& state, std::string_view text) {
  antiphon::content_length_framing rules{antiphon::limits()};
  antiphon::buffer_pool pool;
  antiphon::output_chain out(pool);
  antiphon::buffer message = antiphon::buffer::allocate(text.size());
  std::memcpy(message.space().data(), text.data(), text.size());
  message.commit(text.size());
  std::vector<antiphon::slice> parts;
  for (auto _ : state) {
    out.begin_frame(rules);
    out.append(message.share(message.bytes()));
    out.end_frame(rules);
    out.take(parts);
    benchmark::DoNotOptimize(parts.data());
    benchmark::ClobberMemory();
    parts.clear();
  }
}

void add_conversions() {
  for (const std::size_t kib : {1U, 10U, 100U, 1024U}) {
    const std::string after = ", " + std::to_string(kib) + " KiB";
    const auto add_one = [&](const char* what, void (*run)(benchmark::State&, std::string_view)) {
      add("conversion", what + after, kib << 10,
          [run, text = std::string(kib << 10, 'x')](benchmark::State& state) { run(state, text); });
    };
    add_one("memcpy", copy_only);
    add_one("copy with a line end", copy_to_new);
    add_one("framed where it lies", frame_in_place);
  }
}

// --- bytes ------------------------------------------------------------------------------------------------

void transfer_bare(benchmark::State& state, const route& over, const load& what) {
  auto between = over.open_bare();
  for (auto _ : state) between.transfer(what);
}

void transfer(benchmark::State& state, const route& over, const load& what) {
  asio::io_context context(1);
  auto between = over.open(context);
  for (auto _ : state) between.transfer(context, what);
}

}  // namespace

int main(int argc, char** argv) {
  bench::program program(argc, argv);
  if (program.wants("making")) {
    add("making", "endpoint without a connection", 0, make_endpoints_alone);
    add("making", "endpoint over a memory pipe", 0, make_endpoints);
    for (const route& over : routes())
      add("making", std::string(over.name), 0,
          [&over](benchmark::State& state) { make_connections(state, over); });
  }
  if (program.wants("memory")) add_memory();
  if (program.wants("conversion")) add_conversions();
  for (const route& over : routes()) {
    if (!program.wants(over.name)) continue;
    for (const load& what : loads()) {
      const std::string corpus(over.name);
      if (over.open_bare != nullptr) {
        add(
            corpus, "bare, " + what.name, what.bytes(),
            [&](benchmark::State& state) { transfer_bare(state, over, what); }, what.count);
      }
      add(
          corpus, what.name, what.bytes(), [&](benchmark::State& state) { transfer(state, over, what); },
          what.count);
    }
  }
  return program.run();
}
