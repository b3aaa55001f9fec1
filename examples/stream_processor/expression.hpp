#pragma once

#include "json_walk.hpp"
#include "value.hpp"
#include "variables.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace stream {

/// What is wrong with the text of an expression, and at which byte of it, the first being column 1.
class expression_error : public std::runtime_error {
 public:
  expression_error(std::size_t column, const std::string& what)
      : std::runtime_error("column " + std::to_string(column) + ": " + what), column_(column) {}
  std::size_t column() const noexcept { return column_; }

 private:
  std::size_t column_;
};

/// The names that an expression may use.
struct known_names {
  path_set& paths;                            // to which its paths are added
  std::span<const std::string> captures;      // of the topic
  const std::map<std::string, value>& fixed;  // `fixed.NAME`
  const variables& vars;
};

/// One message, as expressions see it.
struct message_values {
  std::span<const std::string_view> paths;     // JSON texts
  std::span<const std::string_view> captures;  // as between quotes
  std::string_view topic;                      // as between quotes
  const variables::table* vars = nullptr;
};

/// Why a message has no value: static text, so that a bad message costs no more than a good one.
struct failure {
  std::size_t column = 0;
  std::string_view what;
};

/// A compiled expression; README.md has the language. Eight bytes for each operation, evaluated on a stack.
class expression {
 public:
  expression() = default;  // of no value
  // Its constants point into it, so it moves and isn't copied.
  expression(expression&&) = default;
  expression& operator=(expression&&) = default;

  /// @throws expression_error
  static expression compile(std::string_view text, const known_names& names);

  /// Whether it is the same for every message.
  bool is_static() const noexcept { return !dynamic_; }
  std::size_t operations() const noexcept { return code_.size(); }

  /// The value for one message; false, with the reason in `why`, when there is none. Views in `result` are
  /// into the message, this expression, or `memory`.
  bool evaluate(const message_values& message, scratch& memory, value& result, failure& why) const;

 private:
  friend class compiler;

  enum class op : std::uint8_t {
    constant,
    path,
    path_or_nothing,
    capture,
    topic,
    variable,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    negate,
    invert,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    jump,
    branch,
    both,
    either,
    otherwise,
    boolean,
    text,
    number,
    round,
    absolute,
    smallest,
    largest,
    exists,
  };
  struct instruction {
    op code;
    std::uint16_t column;
    std::uint32_t operand;
  };
  static constexpr std::size_t most_values = 32;  // on the stack

  static bool apply(const instruction& what, value*& top, scratch& memory, failure& why);

  std::vector<instruction> code_;
  std::vector<value> constants_;
  std::deque<std::string> texts_;  // of the constants: they stay where they are
  bool dynamic_ = false;
};

}  // namespace stream
