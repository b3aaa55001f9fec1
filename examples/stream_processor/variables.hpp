#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream {

/// Values that outlive a message, as JSON texts. Whoever reads them takes a snapshot, which never changes: a
/// change copies them first if a snapshot is held, and is made in place if none is. On one thread.
class variables {
 public:
  using table = std::vector<std::string>;
  using snapshot = std::shared_ptr<const table>;

  variables() : current_(std::make_shared<table>()) {}

  /// Adds one; its number.
  std::size_t add(std::string name, std::string json) {
    own();
    current_->push_back(std::move(json));
    names_.push_back(std::move(name));
    return names_.size() - 1;
  }
  std::optional<std::size_t> find(std::string_view name) const noexcept {
    for (std::size_t at = 0; at < names_.size(); ++at) {
      if (names_[at] == name) return at;
    }
    return std::nullopt;
  }
  const std::vector<std::string>& names() const noexcept { return names_; }

  snapshot read() const noexcept { return current_; }
  void set(std::size_t which, std::string_view json) {
    own();
    (*current_)[which].assign(json);
  }

 private:
  void own() {
    if (current_.use_count() > 1) current_ = std::make_shared<table>(*current_);
  }

  std::vector<std::string> names_;
  std::shared_ptr<table> current_;
};

}  // namespace stream
