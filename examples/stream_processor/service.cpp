#include "service.hpp"

#include "allocations.hpp"

#include <antiphon/call_context.hpp>

#include <chrono>

namespace stream {

antiphon::router service::routes() {
  antiphon::router routes;
  routes.on_notification(
      "publish",
      [this](antiphon::call_context& call, std::string_view topic, antiphon::raw_json payload) {
        return publish(call, topic, std::move(payload));
      },
      {"topic", "payload"});
  routes.on_request("counters", [this](antiphon::call_context& call) { return count(call); });
  routes.on_request("variables", [this] { return variable_values(); });
  routes.on_request("configure", [this](antiphon::raw_json configuration) {
    try {
      configure(configuration.text());
    } catch (const configuration_error& e) {
      throw antiphon::rpc_error(antiphon::rpc_errc::invalid_params, e.what());
    }
  });
  return routes;
}

// Notifications are handled one after the other, so while one waits for room nothing else is read either.
boost::asio::awaitable<void> service::publish(antiphon::call_context& call, std::string_view topic,
                                              antiphon::raw_json payload) {
  if (outlet_.full() && policy_ == when_full::drop) {
    ++counted_.received;
    ++counted_.dropped;
    co_return;
  }
  if (outlet_.full()) {
    auto room = outlet_.room();
    co_await std::move(room);
  }
  if (!process(call.peer(), topic, payload.text()) || !outlet_.wants_sender()) co_return;
  // The others needn't wait while this one writes their results, too. That it is still running keeps the
  // connection open until all are out.
  call.release_order();
  auto sent = outlet_.send();
  co_await std::move(sent);
}

/// Whether there are results.
bool service::process(const antiphon::peer& to, std::string_view topic, std::string_view payload) {
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  const std::uint64_t results = counted_.results;
  const auto deliver = [&](std::string_view params) {
    outlet_.put(to, params);
    ++counted_.results;
  };
  ++counted_.received;
  switch (processor_.process(topic, payload, deliver)) {
    case outcome::processed: ++counted_.processed; break;
    case outcome::errored: ++counted_.errored; break;
    case outcome::unmatched: ++counted_.dropped; break;
  }
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - began);
  times_.record(static_cast<std::uint64_t>(took.count()));
  return counted_.results != results;
}

counters service::count(const antiphon::call_context& call) const {
  counters now = counted_;
  // What the library has turned away before it came here.
  const std::uint64_t unfit = call.peer().stats().notifications_failed;
  now.received += unfit;
  now.errored += unfit;
  now.last_error = processor_.last_error();
  now.p50_ns = times_.percentile(50);
  now.p95_ns = times_.percentile(95);
  now.p99_ns = times_.percentile(99);
  now.max_ns = times_.max();
  const allocations taken = allocations_so_far();
  now.allocations = taken.count;
  now.allocated_bytes = taken.bytes;
  now.script_contexts = processor_.rules().js.made();
  return now;
}

antiphon::raw_json service::variable_values() {
  const auto snapshot = processor_.vars().read();
  scratch memory;
  variables_text_ = "{";
  for (std::size_t which = 0; which < snapshot->size(); ++which) {
    if (which > 0) variables_text_ += ',';
    variables_text_ += '"';
    variables_text_ += escaped(processor_.vars().names()[which], memory);
    variables_text_ += "\":" + (*snapshot)[which];
  }
  variables_text_ += '}';
  return antiphon::raw_json(variables_text_);
}

}  // namespace stream
