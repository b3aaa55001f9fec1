#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace antiphon::detail {

/// What is in flight, by a text. It isn't told when something ends: it asks, and throws away what has ended
/// once there is as much of it again as there was of the rest. So what ends needs not know that it is here.
template <class Value, class Hash, class Equal>
class tidy_map {
 public:
  /// The value of `key`, a new one where there is none yet.
  /// @param in_flight tells of a value whether it still is
  template <class InFlight>
  Value& place(std::string key, InFlight in_flight) {
    if (map_.size() >= tidy_at_) {
      erase_if(map_, [&in_flight](const auto& one) { return !in_flight(one.second); });
      tidy_at_ = std::max<std::size_t>(16, 2 * map_.size());
    }
    return map_[std::move(key)];
  }
  /// Null when there is none.
  Value* find(std::string_view key) {
    const auto found = map_.find(key);
    return found != map_.end() ? &found->second : nullptr;
  }
  std::size_t size() const noexcept { return map_.size(); }

 private:
  boost::unordered_flat_map<std::string, Value, Hash, Equal> map_;
  std::size_t tidy_at_ = 16;
};

}  // namespace antiphon::detail
