#pragma once

#include "lib/tidy_map.hpp"

#include <antiphon/peer.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon::detail {

class route;

/// Which request is the newest of its route and key. A state machine without I/O.
class supersession {
 public:
  /// @param in_flight tells whether a request still is
  /// @returns the request that was the newest until now; it may have ended long ago
  template <class InFlight>
  lender take_over(const route& of, std::string_view key, lender newest, InFlight in_flight) {
    // A key belongs to its route.
    const route* address = &of;
    std::string whole(reinterpret_cast<const char*>(&address), sizeof(address));
    whole += key;
    return std::exchange(newest_.place(std::move(whole), in_flight), newest);
  }
  std::size_t size() const noexcept { return newest_.size(); }

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept { return std::hash<std::string_view>()(key); }
  };
  tidy_map<lender, hash, std::equal_to<>> newest_;
};

}  // namespace antiphon::detail
