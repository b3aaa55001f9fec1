#include <antiphon/middleware/concurrency_limit.hpp>
#include <antiphon/rpc_error.hpp>

#include <boost/json/object.hpp>

#include <algorithm>

namespace antiphon {

concurrency_limit::concurrency_limit(std::initializer_list<limit> limits) {
  for (const limit& bound : limits) gauges_.emplace_back(bound);
}

concurrency_limit::gauge* concurrency_limit::gauge_of(const handler_event& call) noexcept {
  if (call.kind != message_kind::request) return nullptr;
  const auto found = std::ranges::find(gauges_, call.method, &gauge::method);
  return found == gauges_.end() ? nullptr : &*found;
}

void concurrency_limit::handler_starts(const handler_event& call) {
  gauge* running = gauge_of(call);
  if (running == nullptr || running->running.fetch_add(1) < running->at_most) return;
  running->running.fetch_sub(1);
  boost::json::object data;
  data["method"] = running->method;
  data["limit"] = running->at_most;
  throw rpc_error(rpc_errc::overloaded, "too many calls of this method", data);
}

void concurrency_limit::handler_ended(const handler_event& call) {
  if (gauge* running = gauge_of(call)) running->running.fetch_sub(1);
}

}  // namespace antiphon
