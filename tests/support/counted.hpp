#pragma once

namespace support {

/// Counts those of its kind that live; in a coroutine: how many of its frames there are.
struct counted {
  explicit counted(int& of) noexcept : count(of) { ++count; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { --count; }
  int& count;
};

}  // namespace support
