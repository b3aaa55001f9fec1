#include "duplicate_names.hpp"
#include "json_lexer.hpp"
#include "json_tree.hpp"
#include "json_tree_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace json_ls {
namespace {

class parser {
 public:
  explicit parser(std::string_view text) : text_(text), lexer_(text, problems_) {}

  json_tree parse();

 private:
  // What the document may go on with.
  enum class state { value, value_or_close, name, name_or_close, colon, comma_or_close, nothing };

  void take(const token& next);
  void take_value(const token& next);
  void take_name(const token& next);
  void take_colon(const token& next);
  void take_comma(const token& next);
  void take_close(const token& next);
  void take_opener(const token& next);
  void skip_container(const token& opener);
  void finish();
  void leave_value() { state_ = tree_.depth() == 0 ? state::nothing : state::comma_or_close; }
  bool lacks_value() const;
  void add_missing(byte_range where);
  std::string expectation() const;

  std::string_view text_;
  problem_list problems_;
  json_lexer lexer_;
  json_tree_builder tree_;
  state state_ = state::value;
  byte_range last_comma_;
  std::size_t last_end_ = 0;  // of the token before this one
  bool too_deep_reported_ = false;
};

bool is_close(token_kind kind) {
  return kind == token_kind::right_brace || kind == token_kind::right_bracket;
}

bool begins_value(token_kind kind) {
  switch (kind) {
    case token_kind::left_brace:
    case token_kind::left_bracket:
    case token_kind::string:
    case token_kind::number:
    case token_kind::boolean:
    case token_kind::null:
    case token_kind::word: return true;
    default: return false;
  }
}

node_kind kind_of(token_kind kind) {
  switch (kind) {
    case token_kind::left_brace: return node_kind::object;
    case token_kind::left_bracket: return node_kind::array;
    case token_kind::string: return node_kind::string;
    case token_kind::number: return node_kind::number;
    case token_kind::boolean: return node_kind::boolean;
    case token_kind::null: return node_kind::null;
    default: return node_kind::missing;
  }
}

std::string word_mistake(std::string_view word) {
  if (word == "True" || word == "TRUE") return "write true in small letters";
  if (word == "False" || word == "FALSE") return "write false in small letters";
  if (word == "None" || word == "NULL" || word == "Null" || word == "nil" || word == "undefined") {
    return fmt::format("'{}' is not JSON: write null", word);
  }
  if (word == "NaN" || word == "Infinity") return fmt::format("'{}' is not a JSON number", word);
  return "expected a value: text takes double quotes";
}

json_tree parser::parse() {
  for (;;) {
    const token next = lexer_.next();
    if (next.kind == token_kind::end) break;
    if (state_ == state::nothing) {
      problems_.error(next.range, "expected the end of the file: a document is one value");
      break;
    }
    take(next);
    last_end_ = std::max(last_end_, next.range.end);
  }
  finish();
  json_tree tree;
  tree.nodes = tree_.take();
  report_duplicate_names(text_, tree, problems_);
  tree.has_errors = problems_.has_errors();
  tree.problems = problems_.take_sorted();
  return tree;
}

void parser::take(const token& next) {
  if (is_close(next.kind)) return take_close(next);
  switch (state_) {
    case state::value:
    case state::value_or_close: return take_value(next);
    case state::name:
    case state::name_or_close: return take_name(next);
    case state::colon: return take_colon(next);
    case state::comma_or_close: return take_comma(next);
    case state::nothing: return;
  }
}

void parser::take_value(const token& next) {
  if (next.kind == token_kind::left_brace || next.kind == token_kind::left_bracket) return take_opener(next);
  if (begins_value(next.kind)) {
    if (next.kind == token_kind::word) problems_.error(next.range, word_mistake(next.range.of(text_)));
    tree_.add_scalar(kind_of(next.kind), next.range);
    return leave_value();
  }
  problems_.error(next.range, expectation());
  if (next.kind == token_kind::unknown && tree_.depth() > 0) return add_missing(next.range);
  if (next.kind != token_kind::comma) return;
  if (tree_.inside(node_kind::object)) add_missing({last_end_, last_end_});
  if (tree_.depth() > 0) take_comma(next);
}

void parser::take_name(const token& next) {
  switch (next.kind) {
    case token_kind::string: break;
    case token_kind::word:
    case token_kind::number:
    case token_kind::boolean:
    case token_kind::null: problems_.error(next.range, "member names take double quotes"); break;
    case token_kind::left_brace:
    case token_kind::left_bracket: problems_.error(next.range, expectation()); return take_opener(next);
    case token_kind::comma:
      last_comma_ = next.range;
      problems_.error(next.range, expectation());
      return;
    default: problems_.error(next.range, expectation()); return;
  }
  tree_.name_next(next.range);
  state_ = state::colon;
}

void parser::take_colon(const token& next) {
  if (next.kind != token_kind::colon) problems_.error(next.range, expectation());
  state_ = state::value;
  if (begins_value(next.kind) || next.kind == token_kind::comma) take_value(next);
}

void parser::take_comma(const token& next) {
  const state next_item = tree_.inside(node_kind::object) ? state::name : state::value;
  if (next.kind == token_kind::comma) {
    last_comma_ = next.range;
    state_ = next_item;
    return;
  }
  problems_.error(next.range, expectation());
  // Either the comma was forgotten, or this was meant to be one.
  state_ = next_item;
  if (begins_value(next.kind)) take(next);
}

void parser::take_close(const token& next) {
  const node_kind closes = next.kind == token_kind::right_brace ? node_kind::object : node_kind::array;
  const bool right_one = tree_.inside(closes);
  if (!right_one && !tree_.inside_any(closes)) {
    problems_.error(next.range, fmt::format("'{}' closes nothing", next.range.of(text_)));
    return;
  }
  const bool after_comma = !last_comma_.empty() && last_comma_.end == last_end_;
  if (after_comma && (state_ == state::value || state_ == state::name)) {
    problems_.error(last_comma_, "trailing comma");
  }
  if (!right_one || lacks_value()) problems_.error(next.range, expectation());
  if (lacks_value()) add_missing({last_end_, last_end_});
  while (!tree_.inside(closes)) tree_.close(last_end_);
  tree_.close(next.range.end);
  leave_value();
}

void parser::take_opener(const token& next) {
  if (tree_.depth() == max_nesting) return skip_container(next);
  tree_.open(kind_of(next.kind), next.range);
  state_ = next.kind == token_kind::left_brace ? state::name_or_close : state::value_or_close;
}

void parser::skip_container(const token& opener) {
  if (!too_deep_reported_) {
    problems_.error(opener.range, fmt::format("nested deeper than {} levels", max_nesting));
  }
  too_deep_reported_ = true;
  std::size_t depth = 1;
  while (depth > 0) {
    const token next = lexer_.next();
    if (next.kind == token_kind::end) break;
    if (next.kind == token_kind::left_brace || next.kind == token_kind::left_bracket) ++depth;
    if (is_close(next.kind)) --depth;
    last_end_ = next.range.end;
  }
  tree_.add_scalar(kind_of(opener.kind), {opener.range.begin, last_end_});
  leave_value();
}

void parser::finish() {
  if (state_ != state::nothing) {
    std::string reason = "unexpected end of file: " + expectation();
    if (tree_.depth() > 0) {
      const std::size_t opener = tree_.innermost().value.begin;
      const auto line =
          1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(opener), '\n');
      reason += fmt::format(" (the '{}' of line {} is still open)", text_[opener], line);
    }
    problems_.error({text_.size(), text_.size()}, std::move(reason));
  }
  if (lacks_value()) add_missing({last_end_, last_end_});
  while (tree_.depth() > 0) tree_.close(text_.size());
}

// A member has its name and nothing else.
bool parser::lacks_value() const {
  return state_ == state::colon || (state_ == state::value && tree_.inside(node_kind::object));
}

void parser::add_missing(byte_range where) {
  tree_.add_scalar(node_kind::missing, where);
  leave_value();
}

std::string parser::expectation() const {
  switch (state_) {
    case state::value: return "expected a value";
    case state::value_or_close: return "expected a value or ']'";
    case state::name: return "expected a member name in double quotes";
    case state::name_or_close: return "expected a member name in double quotes or '}'";
    case state::colon: return "expected ':' after the member name";
    case state::comma_or_close:
      return tree_.inside(node_kind::object) ? "expected ',' or '}' after a member"
                                             : "expected ',' or ']' after an element";
    case state::nothing: break;
  }
  return "expected the end of the file";
}

}  // namespace

json_tree parse_json(std::string_view text) { return parser(text).parse(); }

}  // namespace json_ls
