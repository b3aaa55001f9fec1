#pragma once

namespace antiphon {

/// Counts receives that found bytes without waiting, so that a peer that never stops sending leaves the other
/// coroutines of the executor their turn.
class turns {
 public:
  /// Takes one; true when it is time to go through the event loop.
  bool used_up() noexcept {
    if (++taken_ <= in_a_row) return false;
    taken_ = 0;
    return true;
  }
  /// The operation waits anyway.
  void renew() noexcept { taken_ = 0; }

 private:
  static constexpr unsigned in_a_row = 16;
  unsigned taken_ = 0;
};

}  // namespace antiphon
