#pragma once

#include "byte_range.hpp"

#include <string>
#include <vector>

namespace json_ls {

/// Something wrong with a document, and where.
struct problem {
  enum class severity { error, warning };

  byte_range where;
  severity level = severity::error;
  std::string reason;
};

/// The problems of one document. Keeps the first hundred: a document that is no JSON at all has one at every
/// word, and nobody reads that many.
class problem_list {
 public:
  /// Adds an error, unless one begins at the same byte: the first reason given for a place is the plain one,
  /// what follows is mostly its echo.
  void error(byte_range where, std::string reason);
  void warning(byte_range where, std::string reason);

  bool has_errors() const { return has_errors_; }

  /// The problems in the order of the text; the list is empty afterwards.
  std::vector<problem> take_sorted();

 private:
  void add(problem found);

  std::vector<problem> problems_;
  bool has_errors_ = false;
};

}  // namespace json_ls
