#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace antiphon::posix {

/// What the child's first three descriptors are made of; -1 leaves ours.
struct standard_descriptors {
  int input = -1;
  int output = -1;
  int error = -1;
};

/// Starts a program, found through PATH, that inherits these three descriptors and no others, with an empty
/// signal mask and SIGPIPE's default disposition.
///
/// @param directory to start in; empty for ours
/// @throws boost::system::system_error naming the program, or the directory if that is what is missing
pid_t spawn_process(const std::vector<std::string>& arguments,
                    const std::vector<std::pair<std::string, std::string>>& environment,
                    const std::string& directory, const standard_descriptors& descriptors);

}  // namespace antiphon::posix
