#pragma once

#include <antiphon/middleware.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <initializer_list>
#include <string>

namespace antiphon {

/// Limits how many requests of a method have a running handler, over all endpoints that it is installed in.
///
///     options.middleware.push_back(antiphon::concurrency_limit::make({{"render", 2}}));
///
/// A request beyond that is answered -32000 with data {"method", "limit"} when its handler would start.
/// Notifications aren't limited. Thread-safe.
class concurrency_limit final : public middleware {
 public:
  struct limit {
    limit(std::string name, std::size_t most) : method(std::move(name)), at_most(most) {}
    std::string method;
    std::size_t at_most;
  };

  explicit concurrency_limit(std::initializer_list<limit> limits);
  static std::shared_ptr<concurrency_limit> make(std::initializer_list<limit> limits) {
    return std::make_shared<concurrency_limit>(limits);
  }

  unsigned hooks() const noexcept override { return on_handler_starts | on_handler_ended; }
  void handler_starts(const handler_event& call) override;
  void handler_ended(const handler_event& call) override;

 private:
  struct gauge : limit {
    explicit gauge(const limit& bound) : limit(bound) {}
    std::atomic<std::size_t> running{0};
  };
  gauge* gauge_of(const handler_event& call) noexcept;

  std::deque<gauge> gauges_;
};

}  // namespace antiphon
