#pragma once

#include <antiphon/endpoint_stats.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace antiphon {

/// How long something took, in nanoseconds. Percentiles are off by less than 0.4%.
struct duration_figures {
  std::uint64_t samples = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t p99_9_ns = 0;
  std::uint64_t max_ns = 0;
};
BOOST_DESCRIBE_STRUCT(duration_figures, (), (samples, p50_ns, p99_ns, p99_9_ns, max_ns))

/// What became of the messages of one method. Each one that was received is counted under one of the others
/// once it has ended, so the difference is what waits or runs.
struct method_figures {
  std::string method;
  /// Requests and notifications for which there is a handler.
  std::uint64_t received = 0;
  /// With a result; notifications whose handler returned.
  std::uint64_t answered = 0;
  /// With an error: the handler threw `rpc_error`, the parameters didn't fit, the time was up.
  std::uint64_t errors = 0;
  /// Whose handler threw anything else.
  std::uint64_t exceptions = 0;
  /// Answered -32800, or not at all because the connection was gone.
  std::uint64_t cancelled = 0;
  /// Turned away before its handler started: overload, shutting down, middleware.
  std::uint64_t rejected = 0;
  /// From arrival to the handler's start, from there until the answer is encoded, from there until its last
  /// byte is written. Of one message in `sample_every`.
  duration_figures queue;
  duration_figures run;
  duration_figures write;
};
BOOST_DESCRIBE_STRUCT(method_figures, (),
                      (method, received, answered, errors, exceptions, cancelled, rejected, queue, run,
                       write))

/// What `endpoint_options::statistics_method` answers.
struct statistics_report {
  endpoint_stats endpoint;
  /// Where there are `endpoint_options::method_statistics`: of all endpoints that share them.
  std::optional<std::vector<method_figures>> methods;
};
BOOST_DESCRIBE_STRUCT(statistics_report, (), (endpoint, methods))

namespace detail {
class method_recorder;
struct method_account;
}  // namespace detail

/// Figures for each method that has a handler, of one endpoint or of many.
///
///     antiphon::endpoint_options options;
///     options.method_statistics = std::make_shared<antiphon::method_statistics>();
///     ...
///     for (const auto& method : options.method_statistics->snapshot()) ...
///
/// Counts are exact. Times are taken of one message in `sample_every`, chosen at random, since reading the
/// clock would cost a small message a tenth of its time. Only names that a router knows are listed, so a peer
/// can't make it grow. Endpoints on different threads may share one.
class method_statistics {
 public:
  static constexpr std::uint32_t default_sample_every = 64;

  /// @param sample_every at least 1, which times every message
  explicit method_statistics(std::uint32_t sample_every = default_sample_every);
  method_statistics(const method_statistics&) = delete;
  method_statistics& operator=(const method_statistics&) = delete;
  ~method_statistics();

  /// The figures as they are now, by name. From any thread.
  std::vector<method_figures> snapshot() const;

 private:
  friend detail::method_recorder;

  detail::method_account& account_of(std::string_view method);

  std::uint32_t sample_every_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<detail::method_account>, std::less<>> accounts_;
};

}  // namespace antiphon
