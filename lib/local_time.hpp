#pragma once

#include <ctime>

namespace antiphon::detail {

/// In the time zone of the system. From any thread, unlike std::localtime.
std::tm local_time(std::time_t when) noexcept;

}  // namespace antiphon::detail
