#pragma once

#include "byte_range.hpp"
#include "problem.hpp"

#include <cstddef>
#include <string_view>

namespace json_ls {

enum class token_kind {
  left_brace,
  right_brace,
  left_bracket,
  right_bracket,
  colon,
  comma,
  string,
  number,
  boolean,
  null,
  word,     ///< letters that are no JSON, an unquoted name for one
  unknown,  ///< a character that starts nothing
  end
};

struct token {
  token_kind kind = token_kind::end;
  byte_range range;
};

/// Cuts text into JSON's tokens. What is wrong inside a token, or with a comment, it reports and reads on;
/// whether the tokens make a document is the parser's question.
class json_lexer {
 public:
  json_lexer(std::string_view text, problem_list& problems) : text_(text), problems_(problems) {}

  /// The next token; at the end of the text `token_kind::end`, however often it is asked.
  token next();

 private:
  void skip_blanks();
  void skip_comment();
  token take(token_kind kind, std::size_t length);
  token take_string();
  token take_number();
  token take_word();

  std::string_view text_;
  problem_list& problems_;
  std::size_t at_ = 0;
};

}  // namespace json_ls
