#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace demo {

using duration = std::chrono::steady_clock::duration;

/// A time as a person reads it: "870 µs", "4.2 ms", "1.31 s".
std::string readable(duration time);

/// Prints a conversation, one exchange a line: who to whom, the method, the time it took, what came of it.
class transcript {
 public:
  /// A part of the demo begins; `peer` is the other side's name from here on.
  void begin(std::string_view title, std::string peer);

  void request(std::string_view method, duration took, std::string_view answer) const;
  void sent(std::string_view method, std::string_view what) const;
  void received(std::string_view method, duration after, std::string_view what) const;

  /// Lines below an exchange, each indented.
  void detail(std::string_view lines) const;

 private:
  void line(std::string_view arrow, std::string_view method, std::string_view time,
            std::string_view what) const;

  std::string peer_;
};

}  // namespace demo
