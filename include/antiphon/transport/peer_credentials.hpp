#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace antiphon {

/// Who is at the other end of a Unix socket, in the numbers of the system (SO_PEERCRED): the process that
/// connected or listened, and as which user and group it did so, whatever has become of it since.
struct peer_credentials {
  std::int32_t process = 0;
  std::uint32_t user = 0;
  std::uint32_t group = 0;
};

/// Which users may connect to a Unix socket.
class allowed_users {
 public:
  /// The one that this process runs as, its effective user at the time when somebody connects.
  allowed_users() noexcept = default;
  /// Whoever can reach the socket.
  static allowed_users anyone() noexcept {
    allowed_users all;
    all.anyone_ = true;
    return all;
  }
  /// Lets this user in too, by number. Root is a user like others: 0 has to be added.
  allowed_users& add(std::uint32_t user) {
    others_.push_back(user);
    return *this;
  }

  /// @param own the user that this process runs as
  bool allow(std::uint32_t user, std::uint32_t own) const noexcept {
    return anyone_ || user == own || std::ranges::find(others_, user) != others_.end();
  }

 private:
  bool anyone_ = false;
  std::vector<std::uint32_t> others_;
};

}  // namespace antiphon
