#pragma once

#include <stdexcept>

namespace load {

/// The server, or the way to it, failed: the program says why and exits with 1.
struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace load
