// rpc.discover and rpc.health.

#include <antiphon/call_context.hpp>
#include <antiphon/discovery.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

namespace antiphon {

namespace {

namespace json = boost::json;
using detail::handler_shape;
using detail::shape_function;
using detail::shape_kind;
using detail::type_shape;

/// Writes schemas, each type inside itself once only: after that it is "an object", with no more said.
class schema_writer {
 public:
  json::object schema(shape_function of) {
    json::object made;
    if (std::find(open_.begin(), open_.end(), of) != open_.end()) {
      made["type"] = "object";
      return made;
    }
    open_.push_back(of);
    write(made, of());
    open_.pop_back();
    return made;
  }

 private:
  void write(json::object& made, const type_shape& shape) {
    switch (shape.kind) {
      case shape_kind::anything: break;
      case shape_kind::null: made["type"] = "null"; break;
      case shape_kind::boolean: made["type"] = "boolean"; break;
      case shape_kind::integer: made["type"] = "integer"; break;
      case shape_kind::number: made["type"] = "number"; break;
      case shape_kind::string:
        made["type"] = "string";
        if (!shape.names.empty()) made["enum"] = json::array(shape.names.begin(), shape.names.end());
        break;
      case shape_kind::array:
        made["type"] = "array";
        if (shape.element != nullptr) made["items"] = schema(shape.element);
        break;
      case shape_kind::map:
        made["type"] = "object";
        if (shape.element != nullptr) made["additionalProperties"] = schema(shape.element);
        break;
      case shape_kind::object: write_members(made, shape); break;
      case shape_kind::choice: {
        json::array choices;
        for (const auto& one : shape.members) choices.push_back(schema(one.shape));
        made["anyOf"] = std::move(choices);
        break;
      }
    }
    if (!shape.optional || made.empty()) return;
    json::array choices{std::move(made), json::object{{"type", "null"}}};
    made = json::object();
    made["anyOf"] = std::move(choices);
  }
  void write_members(json::object& made, const type_shape& shape) {
    made["type"] = "object";
    json::object properties;
    json::array required;
    for (const auto& member : shape.members) {
      properties[member.name] = schema(member.shape);
      if (member.required) required.emplace_back(member.name);
    }
    made["properties"] = std::move(properties);
    if (!required.empty()) made["required"] = std::move(required);
  }

  std::vector<shape_function> open_;
};

json::object content(std::string_view name, shape_function shape, bool required) {
  json::object made;
  made["name"] = name;
  if (required) made["required"] = true;
  made["schema"] = schema_writer().schema(shape);
  return made;
}

/// The parameters of a handler, and how they may be given.
void write_params(json::object& method, const handler_shape& shape) {
  json::array params;
  std::string_view structure = "by-position";
  if (shape.arguments.size() == 1 && shape.names.empty() && shape.arguments[0].whole) {
    const type_shape whole = shape.arguments[0].shape();
    structure = whole.kind == shape_kind::array ? "by-position" : "either";
    if (whole.kind == shape_kind::object) {
      for (const auto& member : whole.members)
        params.push_back(content(member.name, member.shape, member.required && shape.arguments[0].required));
    }
  } else {
    if (!shape.names.empty()) structure = "either";
    for (std::size_t at = 0; at < shape.arguments.size(); ++at) {
      const std::string name = shape.names.empty() ? "arg" + std::to_string(at) : shape.names[at];
      params.push_back(content(name, shape.arguments[at].shape, shape.arguments[at].required));
    }
  }
  method["params"] = std::move(params);
  method["paramStructure"] = structure;
}

}  // namespace

std::string openrpc_document(const router& routes, const service_description& about) {
  json::array methods;
  for (const router::entry& entry : routes.methods()) {
    if (&entry == routes.any()) continue;  // it has no name
    if (entry.request == nullptr && entry.notification == nullptr) continue;
    json::object method;
    method["name"] = entry.name;
    const auto summary = about.summaries.find(entry.name);
    if (summary != about.summaries.end()) method["summary"] = summary->second;
    const handler_shape shape = (entry.request ? entry.request : entry.notification)->describe();
    write_params(method, shape);
    if (entry.request != nullptr && shape.result != nullptr)
      method["result"] = content("result", shape.result, false);
    if (entry.request != nullptr && entry.notification != nullptr) method["x-notification"] = true;
    methods.push_back(std::move(method));
  }
  json::object info;
  info["title"] = about.title;
  info["version"] = about.version;
  if (!about.description.empty()) info["description"] = about.description;
  json::object document;
  document["openrpc"] = "1.3.2";
  document["info"] = std::move(info);
  document["methods"] = std::move(methods);
  return json::serialize(document);
}

void offer_discovery(router& routes, const service_description& about) {
  const auto text = std::make_shared<const std::string>(openrpc_document(routes, about));
  routes.on_request("rpc.discover", [text] { return raw_json(*text); });
}

void offer_health(router& routes, std::function<std::string()> status) {
  using clock = std::chrono::steady_clock;
  const auto report = [status = std::move(status), began = clock::now()](call_context& call) {
    const endpoint_stats counts = call.peer().stats();
    const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
    health_report now;
    now.status = status ? status() : "ok";
    now.uptime_ms = static_cast<std::uint64_t>(up.count());
    now.in_flight = counts.in_flight;
    now.queued = counts.queued;
    now.requests = counts.requests_received;
    now.notifications = counts.notifications_received;
    now.errors = counts.errors_sent;
    return now;
  };
  routes.on_request("rpc.health", report, {}, route_options(order::immediate));
}

}  // namespace antiphon
