#include "transport/posix_spawn.hpp"

#include "transport/fail.hpp"
#include "transport/posix_fd.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

namespace antiphon::posix {
namespace {

void check(int error, const char* what) {
  if (error != 0) fail(system_code(error), what);
}

/// What happens to descriptors and directory between fork and exec.
class file_actions {
 public:
  file_actions() { check(::posix_spawn_file_actions_init(&actions_), "posix_spawn"); }
  file_actions(const file_actions&) = delete;
  file_actions& operator=(const file_actions&) = delete;
  ~file_actions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void copy(int from, int to) {
    if (from >= 0) check(::posix_spawn_file_actions_adddup2(&actions_, from, to), "posix_spawn");
  }
  void close_from(int first) {
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first), "posix_spawn");
  }
  void change_directory(const std::string& path) {
    if (path.empty()) return;
    check(::posix_spawn_file_actions_addchdir_np(&actions_, path.c_str()), "posix_spawn");
  }
  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class attributes {
 public:
  attributes() { check(::posix_spawnattr_init(&attributes_), "posix_spawn"); }
  attributes(const attributes&) = delete;
  attributes& operator=(const attributes&) = delete;
  ~attributes() { ::posix_spawnattr_destroy(&attributes_); }

  void reset_signals() {
    sigset_t none;
    sigemptyset(&none);
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    check(::posix_spawnattr_setsigmask(&attributes_, &none), "posix_spawn");
    check(::posix_spawnattr_setsigdefault(&attributes_, &pipe), "posix_spawn");
    check(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
          "posix_spawn");
  }
  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (auto& one : strings) list.push_back(one.data());
  list.push_back(nullptr);
  return list;
}

std::string_view name_of(std::string_view assignment) { return assignment.substr(0, assignment.find('=')); }

std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> merged;
  for (char** inherited = environ; inherited != nullptr && *inherited != nullptr; ++inherited) {
    merged.emplace_back(*inherited);
  }
  for (const auto& [name, value] : changes) {
    std::erase_if(merged, [&name](const std::string& entry) { return name_of(entry) == name; });
    merged.emplace_back(name).append("=").append(value);
  }
  return merged;
}

}  // namespace

pid_t spawn_process(const std::vector<std::string>& arguments,
                    const std::vector<std::pair<std::string, std::string>>& environment,
                    const std::string& directory, const standard_descriptors& descriptors) {
  file_actions actions;
  actions.copy(descriptors.input, 0);
  actions.copy(descriptors.output, 1);
  actions.copy(descriptors.error, 2);
  actions.close_from(3);
  actions.change_directory(directory);
  attributes how;
  how.reset_signals();

  auto argument_strings = arguments;
  auto environment_strings = merged_environment(environment);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), actions.get(), how.get(),
                                   pointers(argument_strings).data(), pointers(environment_strings).data());
  if (error == 0) return pid;
  // The system doesn't say which of the two it did not find.
  struct stat about{};
  if (!directory.empty() && ::stat(directory.c_str(), &about) != 0) {
    fail(last_error(), "start " + arguments.front() + " in " + directory);
  }
  fail(system_code(error), "start " + arguments.front());
}

}  // namespace antiphon::posix
