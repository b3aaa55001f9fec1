#pragma once

#include <antiphon/buffer.hpp>

namespace fuzz {

/// Buffers as large as they are asked for, each of its own.
struct heap final : antiphon::buffer_source {
  antiphon::buffer acquire(std::size_t at_least) override { return antiphon::buffer::allocate(at_least); }
};

}  // namespace fuzz
