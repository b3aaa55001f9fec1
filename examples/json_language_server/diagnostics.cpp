#include "diagnostics.hpp"

namespace json_ls {

std::vector<diagnostic> diagnostics(const text_document& document, const json_tree& tree) {
  std::vector<diagnostic> shown;
  shown.reserve(tree.problems.size());
  for (const problem& found : tree.problems) {
    const bool error = found.level == problem::severity::error;
    shown.push_back(
        {document.range_of(found.where), error ? severity_error : severity_warning, "json", found.reason});
  }
  return shown;
}

}  // namespace json_ls
