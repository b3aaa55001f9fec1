#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// The end of the JSON value that begins at `at`. The text is valid JSON: the endpoint has checked it.
const char* end_of_value(const char* at, const char* end) noexcept;
const char* skip_blanks(const char* at, const char* end) noexcept;

/// One step into a payload: a member's name, or an element's index when `name` is empty and `index` isn't
/// `no_index`.
struct path_step {
  static constexpr std::size_t no_index = std::numeric_limits<std::size_t>::max();
  std::string name;
  std::size_t index = no_index;
};

/// All the paths that a mapping asks a payload for. One walk over the text finds all of their values.
class path_set {
 public:
  path_set();

  /// The number of the path's slot; equal paths share one.
  std::size_t add(std::span<const path_step> path);
  std::size_t size() const noexcept { return slots_; }

  /// Sets each slot to the text of its value in `json`, or to an empty view where there is none. Of members
  /// with the same name the last one counts.
  /// @param values `size()` slots
  void find(std::string_view json, std::span<std::string_view> values) const;

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  struct node {
    path_step step;
    std::size_t slot = none;
    std::vector<std::size_t> children;  // nodes
  };

  const char* walk(const node& here, const char* at, const char* end,
                   std::span<std::string_view> values) const;
  const node* member(const node& here, std::string_view quoted) const;
  const node* element(const node& here, std::size_t index) const noexcept;
  void forget(const node& here, std::span<std::string_view> values) const noexcept;

  std::vector<node> nodes_;  // the first is the payload itself
  std::size_t slots_ = 0;
};

}  // namespace stream
