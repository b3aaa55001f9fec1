#include "lib/local_time.hpp"

#include <time.h>

namespace antiphon::detail {

std::tm local_time(std::time_t when) noexcept {
  std::tm local{};
  ::localtime_r(&when, &local);
  return local;
}

}  // namespace antiphon::detail
