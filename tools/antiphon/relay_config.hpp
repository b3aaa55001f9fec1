#pragma once

#include "tools/antiphon/json_config.hpp"

#include <antiphon/relay/broker.hpp>
#include <antiphon/relay/supervisor.hpp>
#include <antiphon/relay/topics.hpp>

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace antiphon_command {

/// What `antiphon relay` does, as a file says it. docs/guide/relay.md describes the file.

enum class framing_name { content_length, line, sequence };
antiphon::framing_factory framing_of(framing_name name);

/// Where clients come from.
struct listen_config {
  enum class kind { stdio, unix_socket, tcp };
  kind over = kind::stdio;
  /// A path, or a host without its port.
  std::string address;
  std::uint16_t port = 0;
  framing_name framing = framing_name::content_length;
  std::size_t max_connections = 1024;
};

/// A process, and the target that stands for it.
struct target_config {
  std::string name;
  std::vector<std::string> command;
  std::string directory;
  std::vector<std::pair<std::string, std::string>> environment;
  bool discard_stderr = false;
  std::chrono::milliseconds after_end_of_input{2000};
  std::chrono::milliseconds after_terminate{2000};
  framing_name framing = framing_name::content_length;
  antiphon::relay::restart_options restart;
  antiphon::relay::health_options health;
  std::string health_method = "rpc.health";
  antiphon::relay::target_options permits;
  /// The part of the file that says how the process is run, and the part about its permits: whether they have
  /// changed.
  boost::json::value definition;
  boost::json::value permits_definition;
};

struct relay_config {
  std::vector<listen_config> listen;
  antiphon::relay::broker_options routing;
  std::vector<target_config> targets;
  /// The one target is a language server, of which each client believes that it has it for itself.
  bool share = false;
  antiphon::relay::topic_limits topic_limits;
  std::optional<antiphon::relay::topic_methods> topics;
  std::string statistics_method = "relay/statistics";
  std::chrono::milliseconds drain{5000};
  antiphon::validation check = antiphon::validation::full;
  /// What changes only with the next start.
  boost::json::value fixed;
};

/// @param name of the file, for messages
/// @throws config_error
relay_config read_relay_config(std::string name, std::string text);
/// Reads the file. @throws config_error, also when it can't be read
relay_config load_relay_config(const std::string& path);

/// "unix:/run/x.sock", "tcp:127.0.0.1:4711" or "stdio". @throws std::invalid_argument
listen_config parse_listen(const std::string& text);

antiphon::command command_of(const target_config& target);

}  // namespace antiphon_command
