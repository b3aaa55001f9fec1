#pragma once

#include <cstddef>
#include <string_view>

namespace antiphon::detail {

// Ids as they stand in JSON text, told apart as request_id does it.
bool same_id(std::string_view a, std::string_view b) noexcept;
std::size_t hash_of_id(std::string_view json) noexcept;

}  // namespace antiphon::detail
