#pragma once

#include <antiphon/buffer.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon::relay::detail {

/// Whose the progress tokens are that a shared server knows, each as the text that it is in JSON. No I/O.
class progress_tokens {
 public:
  using client = std::uint64_t;
  struct owner {
    client who = 0;
    std::string original;    // what the client calls it
    bool of_server = false;  // the server has created it
  };

  /// Parameters of a request, with names for its tokens that nobody else has. Empty where it has no tokens.
  struct claimed {
    std::vector<std::string> names;  // as the server knows them, until `forget`
    std::vector<slice> params;       // in pieces, some of them in `names`
  };
  claimed claim(client who, const slice& params);
  void forget(const std::vector<std::string>& names) noexcept;

  void created(client at, std::string_view token);
  /// To be told of each progress: one that the server has created ends with its last.
  void reported(std::string_view token, std::string_view params);

  /// Null when nobody owns it.
  const owner* find(std::string_view token) const;
  /// What the server calls a client's token.
  std::string name_of(client who, std::string_view original) const;
  void leave(client who) noexcept;
  void clear() noexcept { owners_.clear(); }

 private:
  std::map<std::string, owner, std::less<>> owners_;
  std::uint64_t renamed_ = 0;
};

/// `params` with the piece `what` of it, one of its values, replaced.
std::vector<slice> replaced(const slice& params, std::string_view what, std::string_view by);

}  // namespace antiphon::relay::detail
