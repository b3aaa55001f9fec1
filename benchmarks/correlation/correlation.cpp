// What it costs to find the call that an answer belongs to, while few or very many wait for theirs: the table
// of pending calls alone, without input, output and coroutines. `./dev bench correlation_simple` makes
// a table of it.

#include "benchmarks/program.hpp"
#include "lib/pending_calls.hpp"
#include "tests/unit/allocations/counting_new.hpp"

#include <antiphon/endpoint_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using antiphon::detail::pending_calls;
using entry = pending_calls::entry;

constexpr pending_calls::clock::time_point start{std::chrono::hours(1)};

// A table in which so many calls are pending, and the order in which they will be answered.
class pending {
 public:
  enum class order { oldest_first, any };

  pending(std::size_t count, order answered, bool limited) : limited_(limited) {
    for (std::size_t i = 0; i < count; ++i) ids_.push_back(add());
    std::mt19937_64 random(count);
    if (answered == order::any) std::shuffle(ids_.begin(), ids_.end(), random);
  }
  // One more call is made, and one answered.
  bool step() {
    const std::uint64_t added = add();
    std::uint64_t& place = ids_[at_];
    if (++at_ == ids_.size()) at_ = 0;
    entry* const answered = table_.find(place);
    if (answered == nullptr) return false;
    table_.remove(*answered);
    place = added;
    return true;
  }
  // One more call is made, and the time of the one that is due first is up.
  bool expire() {
    add();
    entry* const late = table_.expired(start + now_);
    if (late == nullptr) return false;
    table_.remove(*late);
    return true;
  }

 private:
  std::uint64_t add() {
    entry& made = table_.add();
    made.sent = true;
    if (limited_) table_.set_deadline(made, start + ++now_);
    return made.id;
  }

  bool limited_;
  pending_calls table_;
  std::vector<std::uint64_t> ids_;
  std::size_t at_ = 0;
  std::chrono::nanoseconds now_{0};
};

// Counts what `step` allocates, once all has grown to its size.
template <class Step>
void measure(benchmark::State& state, Step step) {
  for (int i = 0; i < 1000; ++i) {
    if (!step()) return state.SkipWithError("a call was lost");
  }
  const std::size_t before = test::allocations();
  std::size_t steps = 0;
  bool found = true;
  for (auto _ : state) {
    found = step() && found;
    ++steps;
  }
  if (!found) state.SkipWithError("a call was lost");
  state.counters["allocations"] =
      static_cast<double>(test::allocations() - before) / static_cast<double>(steps);
}

struct with {
  bool limit;
  pending::order answered;
};

void register_and_complete(benchmark::State& state, std::size_t count, with how) {
  pending calls(count, how.answered, how.limit);
  measure(state, [&calls] { return calls.step(); });
}
void register_and_time_out(benchmark::State& state, std::size_t count) {
  pending calls(count, pending::order::oldest_first, true);
  measure(state, [&calls] { return calls.expire(); });
}

// From no call to so many and back, the growth of the table included.
void fill_and_empty(benchmark::State& state, std::size_t count) {
  const std::size_t before = test::allocations();
  std::size_t rounds = 0;
  for (auto _ : state) {
    pending_calls table;
    for (std::size_t i = 0; i < count; ++i) benchmark::DoNotOptimize(table.add().id);
    for (std::uint64_t id = 1; id <= count; ++id) table.remove(*table.find(id));
    ++rounds;
  }
  state.counters["allocations"] =
      static_cast<double>(test::allocations() - before) / static_cast<double>(rounds * count);
}

// What is set before the first call: all options of an endpoint.
void set_options(benchmark::State& state) {
  const std::size_t before = test::allocations();
  std::size_t rounds = 0;
  for (auto _ : state) {
    antiphon::endpoint_options options;
    options.max_in_flight = 100;
    options.call_timeout = std::chrono::seconds(30);
    benchmark::DoNotOptimize(&options);
    benchmark::ClobberMemory();
    ++rounds;
  }
  state.counters["allocations"] =
      static_cast<double>(test::allocations() - before) / static_cast<double>(rounds);
}

// The yardstick: the node map that one would write first.
void map(benchmark::State& state, std::size_t count) {
  std::unordered_map<std::uint64_t, entry> table;
  std::uint64_t id = 0;
  for (; id < count; ++id) table[id].sent = true;
  measure(state, [&table, &id, count] {
    table[id].sent = true;
    const bool found = table.erase(id - count) == 1;
    ++id;
    return found;
  });
}

}  // namespace

int main(int argc, char** argv) {
  bench::program program(argc, argv);
  struct {
    std::string_view name;
    std::size_t count;
  } constexpr amounts[] = {{"1 pending", 1}, {"1000 pending", 1000}, {"1000000 pending", 1'000'000}};
  if (program.wants("options")) bench::add("options", "set", 0, set_options);
  for (const auto& amount : amounts) {
    if (!program.wants(amount.name)) continue;
    const auto add = [&amount](const char* what, auto body, std::size_t calls = 1) {
      bench::add(
          std::string(amount.name), what, 0,
          [body, count = amount.count](benchmark::State& state) { body(state, count); }, calls);
    };
    const auto complete = [](bool limit, pending::order answered) {
      return [how = with{limit, answered}](benchmark::State& state, std::size_t count) {
        register_and_complete(state, count, how);
      };
    };
    add("std::unordered_map, oldest first", map);
    add("register, complete: oldest first", complete(false, pending::order::oldest_first));
    add("register, complete: in any order", complete(false, pending::order::any));
    add("with a time limit: oldest first", complete(true, pending::order::oldest_first));
    add("with a time limit: in any order", complete(true, pending::order::any));
    add("register, time out", register_and_time_out);
    add("fill and empty", fill_and_empty, amount.count);
  }
  return program.run();
}
