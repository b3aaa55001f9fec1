#pragma once

#include <antiphon/error.hpp>

#include <boost/system/system_error.hpp>

#include <string>

namespace antiphon {

/// Throws. `what` says what was tried, and with what.
[[noreturn]] inline void fail(const error_code& ec, const std::string& what) {
  throw boost::system::system_error(ec, what);
}

}  // namespace antiphon
