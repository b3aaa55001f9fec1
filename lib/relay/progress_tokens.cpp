#include "lib/relay/progress_tokens.hpp"

#include "lib/params_member.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace antiphon::relay::detail {

namespace core = antiphon::detail;

namespace {

/// Where the tokens of a request stand, in that order; empty where there is none.
std::array<std::string_view, 2> tokens_in(std::string_view params) {
  std::array<std::string_view, 2> found = {core::params_member(params, "workDoneToken"),
                                           core::params_member(params, "partialResultToken")};
  for (std::string_view& one : found) {
    if (!core::is_id_text(one)) one = {};
  }
  if (found[0].empty() || (!found[1].empty() && found[1].data() < found[0].data()))
    std::swap(found[0], found[1]);
  return found;
}

}  // namespace

std::vector<slice> replaced(const slice& params, std::string_view what, std::string_view by) {
  if (what == by) return {params};
  const std::string_view all = params.bytes();
  const auto begin = static_cast<std::size_t>(what.data() - all.data());
  return {params.part(all.substr(0, begin)), slice(by), params.part(all.substr(begin + what.size()))};
}

progress_tokens::claimed progress_tokens::claim(client who, const slice& params) {
  claimed made;
  const auto found = tokens_in(params.bytes());
  if (found[0].empty()) return made;
  made.names.reserve(found.size());  // pieces lie in them
  const std::string_view all = params.bytes();
  std::size_t done = 0;
  for (const std::string_view token : found) {
    if (token.empty()) break;
    std::string& name = made.names.emplace_back(token);
    const owner* const taken = find(token);
    if (taken != nullptr && taken->who != who) {
      name = fmt::format(R"("antiphon/{}")", ++renamed_);
      const auto begin = static_cast<std::size_t>(token.data() - all.data());
      made.params.push_back(params.part(all.substr(done, begin - done)));
      made.params.emplace_back(std::string_view(name));
      done = begin + token.size();
    }
    owners_[name] = {who, std::string(token), false};
  }
  made.params.push_back(params.part(all.substr(done)));
  return made;
}

void progress_tokens::forget(const std::vector<std::string>& names) noexcept {
  for (const std::string& name : names) owners_.erase(name);
}

void progress_tokens::created(client at, std::string_view token) {
  if (!token.empty()) owners_[std::string(token)] = {at, std::string(token), true};
}

void progress_tokens::reported(std::string_view token, std::string_view params) {
  const auto found = owners_.find(token);
  if (found == owners_.end() || !found->second.of_server) return;
  const std::string_view value = core::params_member(params, "value");
  if (core::params_member(value, "kind") == R"("end")") owners_.erase(found);
}

const progress_tokens::owner* progress_tokens::find(std::string_view token) const {
  const auto found = owners_.find(token);
  return found == owners_.end() ? nullptr : &found->second;
}

std::string progress_tokens::name_of(client who, std::string_view original) const {
  const auto found = std::find_if(owners_.begin(), owners_.end(), [&](const auto& one) {
    return one.second.who == who && one.second.original == original;
  });
  return found == owners_.end() ? std::string(original) : found->first;
}

void progress_tokens::leave(client who) noexcept {
  std::erase_if(owners_, [who](const auto& one) { return one.second.who == who; });
}

}  // namespace antiphon::relay::detail
