#pragma once

#include <stdexcept>

/// What the command `antiphon` can do. Each verb gets the arguments from its own name on, and returns what
/// the process exits with.
namespace antiphon_command {

/// The exit codes that all verbs have in common.
enum exit_code { fine = 0, failed = 1, wrong_usage = 2 };

/// The command line makes no sense; the message says what to change.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

int load(int argc, const char* const* argv);
int relay(int argc, const char* const* argv);

}  // namespace antiphon_command
