#pragma once

#include <antiphon/endpoint_stats.hpp>
#include <antiphon/router.hpp>

#include <boost/describe/class.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace antiphon {

/// What `rpc.discover` says beside the methods.
struct service_description {
  service_description() {}
  service_description(std::string name, std::string number)
      : title(std::move(name)), version(std::move(number)) {}

  std::string title = "JSON-RPC service";
  std::string version = "0";
  std::string description;
  /// A line about each method, where there is something to say.
  std::map<std::string, std::string> summaries;
};

/// Answers requests of `rpc.discover` with an OpenRPC document (https://spec.open-rpc.org, 1.3.2) of the
/// methods that `routes` serves now, so it is called behind their registration.
///
/// Parameters have the names of `parameter_names` or of a described struct's members, else `arg0`, `arg1`,
/// ...; schemas (JSON Schema, draft 7) come from the C++ types: described structs and enums, containers,
/// numbers, strings. A handler that takes its parameters as they come (raw_json, a map, a DOM) has none in
/// the list. A method without a result is a notification's; one that serves both says so with
/// `x-notification`. The document is written here, once; a connection whose routes don't offer it has no
/// trace of it.
void offer_discovery(router& routes, const service_description& about = service_description());

/// The same document.
std::string openrpc_document(const router& routes, const service_description& about = service_description());

/// What `rpc.health` answers.
struct health_report {
  std::string status;
  std::uint64_t uptime_ms = 0;
  /// Requests whose handlers run, and requests that wait.
  std::uint64_t in_flight = 0;
  std::uint64_t queued = 0;
  std::uint64_t requests = 0;
  std::uint64_t notifications = 0;
  std::uint64_t errors = 0;
};
BOOST_DESCRIBE_STRUCT(health_report, (),
                      (status, uptime_ms, in_flight, queued, requests, notifications, errors))

/// Answers requests of `rpc.health` at once, past whatever waits, with the counts of the connection that they
/// come from and the time since this was called.
/// @param status called for each; empty: "ok"
void offer_health(router& routes, std::function<std::string()> status = nullptr);

}  // namespace antiphon
