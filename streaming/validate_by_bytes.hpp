#pragma once

#include <antiphon/error.hpp>

#include <cstddef>
#include <string_view>

namespace antiphon::detail {

/// `validate`, one byte after the other: the reference that the fast passes are tested against, and what
/// finds the place of an error.
error_code validate_by_bytes(std::string_view text, std::size_t max_depth,
                             std::size_t* offset = nullptr) noexcept;

}  // namespace antiphon::detail
