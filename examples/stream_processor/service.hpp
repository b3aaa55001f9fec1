#pragma once

#include "outlet.hpp"
#include "processor.hpp"

#include <antiphon/histogram.hpp>
#include <antiphon/router.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace stream {

/// What the method `counters` answers. Every message that is received is counted as one of processed, errored
/// and dropped.
struct counters {
  std::uint64_t received = 0;
  std::uint64_t processed = 0;
  /// A mapping could not do its part, or the message was no `publish` with a topic and a payload.
  std::uint64_t errored = 0;
  /// No mapping is for the topic, or its results came too fast (`--when-full drop`).
  std::uint64_t dropped = 0;
  std::uint64_t results = 0;
  std::string last_error;
  /// How long a message took from its handler's start until its results were encoded, in nanoseconds.
  std::uint64_t p50_ns = 0;
  std::uint64_t p95_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  /// Of the whole program since its start.
  std::uint64_t allocations = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t script_contexts = 0;
};
BOOST_DESCRIBE_STRUCT(counters, (),
                      (received, processed, errored, dropped, results, last_error, p50_ns, p95_ns, p99_ns,
                       max_ns, allocations, allocated_bytes, script_contexts))

enum class when_full { wait, drop };

/// A processor behind an endpoint. Outlives the routes.
class service {
 public:
  service(const boost::asio::any_io_executor& executor, when_full policy)
      : outlet_(executor), policy_(policy) {}

  /// `publish`, `counters`, `variables`, `configure`
  antiphon::router routes();
  /// @throws configuration_error
  void configure(std::string_view json) { processor_.configure(json); }

 private:
  boost::asio::awaitable<void> publish(antiphon::call_context& call, std::string_view topic,
                                       antiphon::raw_json payload);
  bool process(const antiphon::peer& to, std::string_view topic, std::string_view payload);
  counters count(const antiphon::call_context& call) const;
  antiphon::raw_json variable_values();

  processor processor_;
  outlet outlet_;
  when_full policy_;
  counters counted_;
  antiphon::histogram times_;
  std::string variables_text_;
};

}  // namespace stream
