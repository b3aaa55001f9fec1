#include "streaming/scan/kernels.hpp"

#include <antiphon/streaming/scanner.hpp>

#include <atomic>
#include <cstdlib>

namespace antiphon {

namespace detail::scan {

extern const kernels portable;
#if defined(__x86_64__)
extern const kernels sse2;
extern const kernels avx2;
extern const kernels avx512;
#elif defined(__aarch64__)
extern const kernels neon;
#endif

namespace {

// What this machine can run, the fastest first.
std::vector<const kernels*> find_available() {
  std::vector<const kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool pclmul = __builtin_cpu_supports("pclmul") != 0;
  const bool bmi = __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0 &&
                   __builtin_cpu_supports("popcnt") != 0 && __builtin_cpu_supports("lzcnt") != 0;
  const bool wide = __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                    __builtin_cpu_supports("avx512dq") != 0;
  if (wide && pclmul && bmi) found.push_back(&avx512);
  if (__builtin_cpu_supports("avx2") != 0 && pclmul && bmi) found.push_back(&avx2);
  found.push_back(&sse2);
#elif defined(__aarch64__)
  found.push_back(&neon);
#endif
  found.push_back(&portable);
  return found;
}

const std::vector<const kernels*>& available() {
  static const std::vector<const kernels*> found = find_available();
  return found;
}

const kernels* named(std::string_view name) {
  for (const kernels* one : available()) {
    if (name == one->name) return one;
  }
  return nullptr;
}

const kernels* first_choice() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): a program that changes its environment beside threads is at fault
  const char* wanted = std::getenv("ANTIPHON_SCANNER");
  const kernels* const found = wanted == nullptr ? nullptr : named(wanted);
  return found == nullptr ? available().front() : found;
}

}  // namespace

constinit std::atomic<const kernels*> chosen = nullptr;

const kernels& choose() noexcept {
  // Whoever has set it meanwhile wanted something.
  const kernels* expected = nullptr;
  const kernels* const first = first_choice();
  return chosen.compare_exchange_strong(expected, first, std::memory_order_relaxed) ? *first : *expected;
}

}  // namespace detail::scan

std::vector<std::string_view> scanner_implementations() {
  std::vector<std::string_view> names;
  for (const auto* one : detail::scan::available()) names.emplace_back(one->name);
  return names;
}

std::string_view scanner_implementation() noexcept { return detail::scan::active().name; }

bool use_scanner_implementation(std::string_view name) {
  const auto* wanted = detail::scan::named(name);
  if (wanted == nullptr) return false;
  detail::scan::chosen.store(wanted, std::memory_order_relaxed);
  return true;
}

}  // namespace antiphon
