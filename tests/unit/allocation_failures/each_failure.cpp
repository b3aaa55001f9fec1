#include "tests/unit/allocation_failures/each_failure.hpp"

#include "tests/support/sanitized.hpp"
#include "tests/unit/allocation_failures/failing_new.hpp"

#include <fmt/format.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#ifdef ANTIPHON_TEST_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

namespace test {
namespace {

// So many runs share a process, as long as nothing goes wrong.
constexpr std::size_t in_a_row = 50;
// A run takes milliseconds.
constexpr unsigned most_seconds = 20;
constexpr std::size_t most_reported = 20;

/// Where the process that runs says how far it is.
struct progress {
  std::size_t at = 0;    // the request that fails
  bool over = false;     // none has failed: there were fewer
  char wrong[500] = "";  // of `at`
};

void say(char (&where)[500], const std::string& what) noexcept {
  std::strncpy(where, what.c_str(), sizeof(where) - 1);
}

/// False when something was wrong.
bool run_one(progress& told, std::size_t gap, const std::function<const char*()>& what) {
  const std::size_t before = blocks_in_use();
  fail_allocations(told.at, gap);
  const char* wrong = what();
  told.over = !has_failed();
  stop_failing();
  if (wrong != nullptr) say(told.wrong, wrong);
  if (wrong == nullptr && blocks_in_use() != before)
    say(told.wrong, fmt::format("{} blocks are left", static_cast<std::ptrdiff_t>(blocks_in_use() - before)));
  return told.wrong[0] == 0;
}

void run_some(progress& told, std::size_t last, std::size_t gap, const std::function<const char*()>& what) {
  // What is made once and kept.
  for (int i = 0; i < 2; ++i) what();
  for (;; ++told.at) {
    ::alarm(most_seconds);
    if (!run_one(told, gap, what) || told.over || told.at == last) break;
  }
#ifdef ANTIPHON_TEST_SANITIZED
  if (__lsan_do_recoverable_leak_check() != 0) say(told.wrong, "a leak, in one of those before");
#endif
}

/// How it ended, where that wasn't in order.
std::string death_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

outcome with_each_failure(const char* name, std::size_t gap, const std::function<const char*()>& what) {
  void* const shared =
      ::mmap(nullptr, sizeof(progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::bad_alloc();
  auto& told = *::new (shared) progress;
  outcome all;
  const char* const only = std::getenv("ANTIPHON_ALLOCATION");
  const std::size_t first = only != nullptr ? std::strtoul(only, nullptr, 10) : 1;
  for (std::size_t next = first; !told.over;) {
    told.at = next;
    told.wrong[0] = 0;
    const std::size_t last = only != nullptr ? first : next + in_a_row - 1;
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("no process");
    if (child == 0) {
      run_some(told, last, gap, what);
      std::_Exit(0);
    }
    const std::string died = death_of(child);
    if (!died.empty()) say(told.wrong, died);
    all.runs += told.at - next + 1;
    if (told.wrong[0] != 0 && ++all.bad <= most_reported)
      all.report += fmt::format("{}: ANTIPHON_ALLOCATION={}: {}\n", name, told.at, told.wrong);
    next = told.at + 1;
    if (only != nullptr) break;
  }
  ::munmap(shared, sizeof(progress));
  return all;
}

}  // namespace test
