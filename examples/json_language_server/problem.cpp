#include "problem.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace json_ls {
namespace {

constexpr std::size_t most_problems = 100;

}  // namespace

void problem_list::error(byte_range where, std::string reason) {
  has_errors_ = true;
  const bool echo = !problems_.empty() && problems_.back().where.begin == where.begin;
  if (!echo) add({where, problem::severity::error, std::move(reason)});
}

void problem_list::warning(byte_range where, std::string reason) {
  add({where, problem::severity::warning, std::move(reason)});
}

void problem_list::add(problem found) {
  if (problems_.size() < most_problems) problems_.push_back(std::move(found));
}

std::vector<problem> problem_list::take_sorted() {
  std::sort(problems_.begin(), problems_.end(), [](const problem& a, const problem& b) {
    return std::tie(a.where.begin, a.level) < std::tie(b.where.begin, b.level);
  });
  return std::exchange(problems_, {});
}

}  // namespace json_ls
