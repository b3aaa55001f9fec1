#include "expression.hpp"

#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/raw_json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace stream {

namespace {

bool starts_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool in_name(char c) noexcept { return starts_name(c) || is_digit(c); }

}  // namespace

/// Reads an expression and writes its operations in the order in which they are done. Each function returns
/// where the operations of what it has read begin.
class compiler {
  using op = expression::op;
  struct binary {
    std::string_view sign;
    op code;
  };

 public:
  compiler(std::string_view text, const known_names& names) : text_(text), names_(names) {
    if (text.size() >= std::numeric_limits<std::uint16_t>::max()) fail("an expression this long", 1);
  }

  expression compile() {
    choice();
    blanks();
    if (at_ != text_.size()) fail("expected an operator or the end");
    return std::move(made_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, std::size_t column) const {
    throw expression_error(column, what);
  }
  [[noreturn]] void fail(const std::string& what) const { fail(what, at_ + 1); }

  void blanks() noexcept {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::string_view sign) noexcept {
    blanks();
    if (text_.substr(at_, sign.size()) != sign) return false;
    at_ += sign.size();
    return true;
  }
  void expect(std::string_view sign) {
    if (!take(sign)) fail("expected '" + std::string(sign) + "'");
  }
  std::string_view name() {
    const std::size_t begin = at_;
    if (at_ == text_.size() || !starts_name(text_[at_])) fail("expected a name");
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::size_t here() const noexcept { return made_.code_.size(); }
  std::size_t emit(op code, std::size_t column, std::size_t operand, int values) {
    made_.code_.push_back({code, static_cast<std::uint16_t>(column), static_cast<std::uint32_t>(operand)});
    values_ += values;
    if (values_ > static_cast<int>(expression::most_values)) fail("nested too deeply", column);
    return here() - 1;
  }
  void land(std::size_t jump) { made_.code_[jump].operand = static_cast<std::uint32_t>(here()); }

  std::size_t push(value constant, std::size_t column) {
    if (!constant.text.empty()) constant.text = made_.texts_.emplace_back(constant.text);
    made_.constants_.push_back(constant);
    return emit(op::constant, column, made_.constants_.size() - 1, 1);
  }
  /// An operation on what was pushed from `begin` on: done here and now if that is constants only.
  std::size_t operate(op code, std::size_t column, std::size_t begin, int operands) {
    const std::size_t count = here() - begin;
    const auto constant = [](const auto& what) { return what.code == op::constant; };
    const bool fold = count == static_cast<std::size_t>(operands) &&
                      std::all_of(made_.code_.end() - operands, made_.code_.end(), constant);
    emit(code, column, 0, 1 - operands);
    if (!fold) return begin;
    expression alone;
    alone.constants_ = made_.constants_;
    alone.code_.assign(made_.code_.begin() + static_cast<std::ptrdiff_t>(begin), made_.code_.end());
    const value result = evaluated(alone);
    made_.code_.resize(begin);
    --values_;
    return push(result, column);
  }
  value evaluated(const expression& what) {
    value result;
    failure why;
    if (!what.evaluate({}, memory_, result, why)) fail(std::string(why.what), why.column);
    return result;
  }

  // Each level once, from what binds loosest to what binds tightest.
  std::size_t choice() {
    if (++depth_ > 64) fail("nested too deeply");
    const std::size_t begin = fallback();
    const std::size_t column = at_ + 1;
    if (take("?")) {
      const std::size_t otherwise = emit(op::branch, column, 0, -1);
      choice();
      expect(":");
      const std::size_t end = emit(op::jump, column, 0, -1);
      land(otherwise);
      choice();
      land(end);
    }
    --depth_;
    return begin;
  }
  std::size_t fallback() {
    const std::size_t begin = disjunction();
    const std::size_t column = at_ + 1;
    if (!take("??")) return begin;
    auto& first = made_.code_[begin];
    if (here() == begin + 1 && first.code == op::path) first.code = op::path_or_nothing;
    const std::size_t end = emit(op::otherwise, column, 0, -1);
    if (++depth_ > 64) fail("nested too deeply");
    fallback();
    --depth_;
    land(end);
    return begin;
  }
  std::size_t disjunction() {
    const std::size_t begin = conjunction();
    for (;;) {
      const std::size_t column = at_ + 1;
      if (!take("||")) return begin;
      shortcut(op::either, column, [this] { conjunction(); });
    }
  }
  std::size_t conjunction() {
    const std::size_t begin = comparison();
    for (;;) {
      const std::size_t column = at_ + 1;
      if (!take("&&")) return begin;
      shortcut(op::both, column, [this] { comparison(); });
    }
  }
  template <class Right>
  void shortcut(op code, std::size_t column, Right right) {
    const std::size_t end = emit(code, column, 0, -1);
    right();
    emit(op::boolean, column, 0, 0);
    land(end);
  }
  std::size_t comparison() {
    static constexpr std::array<binary, 6> signs{{{"==", op::equal},
                                                  {"!=", op::unequal},
                                                  {"<=", op::less_equal},
                                                  {">=", op::greater_equal},
                                                  {"<", op::less},
                                                  {">", op::greater}}};
    const std::size_t begin = sum();
    std::size_t column = 0;
    const auto found = sign_of(signs, column);
    if (!found) return begin;
    sum();
    return operate(*found, column, begin, 2);
  }
  std::size_t sum() {
    static constexpr std::array<binary, 2> signs{{{"+", op::add}, {"-", op::subtract}}};
    return chain(signs, [this] { return product(); });
  }
  std::size_t product() {
    static constexpr std::array<binary, 3> signs{
        {{"*", op::multiply}, {"/", op::divide}, {"%", op::remainder}}};
    return chain(signs, [this] { return unary(); });
  }
  template <std::size_t N, class Operand>
  std::size_t chain(const std::array<binary, N>& signs, Operand operand) {
    const std::size_t begin = operand();
    for (;;) {
      std::size_t column = 0;
      const auto found = sign_of(signs, column);
      if (!found) return begin;
      operand();
      operate(*found, column, begin, 2);
    }
  }
  template <std::size_t N>
  std::optional<op> sign_of(const std::array<binary, N>& signs, std::size_t& column) {
    blanks();
    column = at_ + 1;
    for (const binary& sign : signs) {
      if (take(sign.sign)) return sign.code;
    }
    return std::nullopt;
  }
  std::size_t unary() {
    blanks();
    const std::size_t column = at_ + 1;
    const bool minus = text_.substr(at_, 1) == "-";
    const bool invert = text_.substr(at_, 1) == "!";
    if (!minus && !invert) return primary();
    ++at_;
    if (++depth_ > 64) fail("nested too deeply");
    const std::size_t begin = unary();
    --depth_;
    return operate(minus ? op::negate : op::invert, column, begin, 1);
  }

  std::size_t primary() {
    blanks();
    const std::size_t column = at_ + 1;
    if (at_ == text_.size()) fail("expected a value, found the end");
    const char first = text_[at_];
    if (first == '(') {
      ++at_;
      const std::size_t begin = choice();
      expect(")");
      return begin;
    }
    if (first == '"' || first == '\'') return push(value::string(string()), column);
    if (is_digit(first)) return number();
    if (!starts_name(first)) fail("expected a value");
    const std::string_view word = name();
    if (word == "true" || word == "false") return push(value::of(word == "true"), column);
    if (word == "null") return push({value_kind::null, false, 0, {}}, column);
    if (take("(")) return call(word, column);
    if (word == "payload") return path(column);
    if (word == "fixed") return fixed(column);
    made_.dynamic_ = true;
    if (word == "topic") return emit(op::topic, column, 0, 1);
    if (word == "vars") return variable(column);
    for (std::size_t at = 0; at < names_.captures.size(); ++at) {
      if (names_.captures[at] == word) return emit(op::capture, column, at, 1);
    }
    fail("unknown name '" + std::string(word) + "'", column);
  }

  std::size_t call(std::string_view function, std::size_t column) {
    struct known {
      std::string_view name;
      op code;
      int operands;
    };
    static constexpr std::array<known, 7> functions{{{"text", op::text, 1},
                                                     {"number", op::number, 1},
                                                     {"round", op::round, 1},
                                                     {"abs", op::absolute, 1},
                                                     {"min", op::smallest, 2},
                                                     {"max", op::largest, 2},
                                                     {"exists", op::exists, 1}}};
    for (const known& one : functions) {
      if (one.name != function) continue;
      const std::size_t begin = choice();
      if (one.operands == 2) {
        expect(",");
        choice();
      }
      expect(")");
      if (one.code == op::exists) {
        auto& only = made_.code_[begin];
        if (here() != begin + 1 || only.code != op::path) fail("exists() takes a path", column);
        only.code = op::path_or_nothing;
      }
      return operate(one.code, column, begin, one.operands);
    }
    fail("unknown function '" + std::string(function) + "'", column);
  }

  std::size_t path(std::size_t column) {
    made_.dynamic_ = true;
    std::vector<path_step> steps;
    for (;;) {
      if (at_ < text_.size() && text_[at_] == '.') {
        ++at_;
        steps.push_back({std::string(name()), path_step::no_index});
      } else if (at_ < text_.size() && text_[at_] == '[') {
        ++at_;
        steps.push_back(in_brackets());
        expect("]");
      } else {
        break;
      }
      if (steps.size() > 64) fail("a path this long", column);
    }
    return emit(op::path, column, names_.paths.add(steps), 1);
  }
  path_step in_brackets() {
    blanks();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const std::string_view inside = string();
      return {std::string(plain(inside, memory_)), path_step::no_index};
    }
    std::size_t index = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), index);
    if (error != std::errc() || index == path_step::no_index) fail("expected an index or a name in quotes");
    at_ += static_cast<std::size_t>(end - begin);
    return {std::string(), index};
  }
  std::size_t fixed(std::size_t column) {
    expect(".");
    const std::string wanted(name());
    const auto found = names_.fixed.find(wanted);
    if (found == names_.fixed.end()) fail("there is no fixed value '" + wanted + "'", column);
    return push(found->second, column);
  }
  std::size_t variable(std::size_t column) {
    expect(".");
    const std::string wanted(name());
    const auto found = names_.vars.find(wanted);
    if (!found) fail("there is no variable '" + wanted + "'", column);
    return emit(op::variable, column, *found, 1);
  }

  std::size_t number() {
    const std::size_t column = at_ + 1;
    double parsed = 0;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), parsed);
    if (error != std::errc()) fail("this number is out of range");
    at_ += static_cast<std::size_t>(end - begin);
    if (at_ < text_.size() && in_name(text_[at_])) fail("expected an operator or the end");
    return push(value::of(parsed), column);
  }
  /// In double quotes with JSON's escapes, or in single ones without any; what is between JSON's quotes.
  std::string_view string() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) at_ += quote == '"' && text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) fail("a string without an end", begin + 1);
    ++at_;
    const std::string_view inside = text_.substr(begin + 1, at_ - begin - 2);
    if (quote == '\'') return escaped(inside, memory_);
    const auto checked =
        antiphon::raw_json(text_.substr(begin, at_ - begin)).template try_decode<std::string>();
    if (!checked) fail("this is no string", begin + 1);
    return inside;
  }

  std::string_view text_;
  const known_names& names_;
  std::size_t at_ = 0;
  expression made_;
  scratch memory_;
  int values_ = 0;
  int depth_ = 0;
};

expression expression::compile(std::string_view text, const known_names& names) {
  return compiler(text, names).compile();
}

}  // namespace stream
