#pragma once

// The names alone, for headers that mention antiphon's types without using them. It includes nothing.

namespace antiphon {

enum class errc;
enum class rpc_errc;
class buffer;
class buffer_source;
class slice;

class content_length_framing;
class framing;
class line_framing;
class message_view;
class output_chain;
class raw_json;
class request_id;
class sequence_framing;
struct decode_error;
struct limits;

class buffer_pool;
class child_process;
class command;
class listener;
class transport;
struct exit_status;
struct listen_options;
struct memory_pipe_options;
struct peer_credentials;
struct stdio_options;

class batch;
class call_context;
class deliverer;
class endpoint;
class method_statistics;
class middleware;
class peer;
class progress_token;
class router;
class rpc_error;
struct call_failure;
struct call_options;
struct ended;
struct endpoint_options;
struct endpoint_stats;
struct route_options;
struct stall_report;
enum class end_reason;

namespace relay {
class broker;
class membership;
class shared_server;
class supervisor;
class target;
class topics;
struct broker_options;
struct process_options;
struct restart_options;
struct sharing_options;
struct target_options;
}  // namespace relay

namespace testing {
class deterministic_context;
class script;
class virtual_time;
}  // namespace testing

}  // namespace antiphon
