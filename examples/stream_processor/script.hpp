#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// What a script is told of a message, all of it JSON text.
struct script_input {
  std::string_view payload;
  std::string_view topic;     // quoted
  std::string_view captures;  // an object
  std::string_view vars;      // an object
};

/// JavaScript functions in contexts that are used again and again: none of them can leave anything behind in
/// one, since all that is global is frozen, and what is left on its stack is dropped. Where the program was
/// built without an engine, adding a script is an error.
class scripts {
 public:
  scripts();
  scripts(scripts&&) noexcept;
  scripts& operator=(scripts&&) noexcept;
  ~scripts();

  static bool available() noexcept;

  /// The body of a function of `payload`, `topic`, `captures` and `vars`; its number.
  /// @throws std::runtime_error when it can't be compiled
  std::size_t add(std::string body);
  std::size_t size() const noexcept;
  /// Runs one; what it returns goes into `result` as JSON, empty for undefined. False when it threw, or its
  /// result is no JSON that a peer takes, with the reason in `why`.
  bool run(std::size_t which, const script_input& input, std::string& result, std::string& why);

  /// Contexts made and contexts thrown away so far.
  std::size_t made() const noexcept;
  std::size_t discarded() const noexcept;

 private:
  class pool;
  std::unique_ptr<pool> pool_;
};

}  // namespace stream
