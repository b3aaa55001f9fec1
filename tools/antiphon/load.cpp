// antiphon load: drives any JSON-RPC server and reports rates and latencies.

#include "benchmarks/load/drive.hpp"
#include "benchmarks/load/failure.hpp"
#include "benchmarks/load/report.hpp"
#include "benchmarks/load/server_process.hpp"
#include "tools/antiphon/load_options.hpp"
#include "tools/antiphon/verbs.hpp"

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>

namespace {

using namespace ::load;

using antiphon_command::exit_code;
using antiphon_command::fine;

void complain(std::string_view what) { fmt::print(stderr, "antiphon load: {}\n", what); }

/// The server's end of the connection, and the server itself where it was started here.
struct target {
  explicit target(const options& chosen) : pid(chosen.pid) {
    switch (chosen.over) {
      case transport::pipes:
        process = std::make_unique<server_process>(chosen.command, ends);
        pid = process->pid();
        break;
      case transport::tcp: ends = connect_tcp(chosen.address); break;
      case transport::unix_socket: ends = connect_unix(chosen.address); break;
    }
  }
  /// What is wrong with the server's end; empty for nothing.
  std::string stop() {
    ends = {};
    return process ? process->stop() : std::string();
  }

  channel ends;
  std::unique_ptr<server_process> process;
  // 0: unknown.
  pid_t pid;
};

exit_code measure(const options& chosen, target& server) {
  const message_plan plan = plan_messages(chosen);
  session over(server.ends, chosen.framing, plan, most_in_flight(chosen, plan), chosen.patience);
  tally aside(chosen.warm_up);
  over.count_in(aside);
  probe(over, plan);
  drive(over, plan, chosen, chosen.warm_up);

  const auto server_before = cpu_time_of(server.pid);
  const auto client_before = cpu_time_of(::getpid());
  tally counts(chosen.measured);
  over.count_in(counts);
  drive(over, plan, chosen, chosen.measured);
  counts.finish(clock::now());
  const auto client_after = cpu_time_of(::getpid());
  const auto server_after = cpu_time_of(server.pid);

  report result{chosen, counts, plan.message_bytes(), *client_after - *client_before, {}};
  if (server_before && server_after) result.server_cpu = *server_after - *server_before;
  over.finish();
  fmt::print("{}", chosen.json ? as_json(result) : as_text(result));
  if (counts.errors == 0 || chosen.allow_errors) return fine;
  complain(fmt::format("{} error responses; the first: {}", counts.errors, counts.first_error));
  return antiphon_command::failed;
}

exit_code run(const options& chosen) {
  target server(chosen);
  exit_code outcome = antiphon_command::failed;
  try {
    outcome = measure(chosen, server);
  } catch (const failure& e) {
    complain(e.what());
  }
  const std::string problem = server.stop();
  if (problem.empty()) return outcome;
  complain(problem);
  return antiphon_command::failed;
}

}  // namespace

int antiphon_command::load(int argc, const char* const* argv) {
  ::signal(SIGPIPE, SIG_IGN);
  try {
    const auto chosen = parse_options(argc, argv);
    return chosen ? run(*chosen) : fine;
  } catch (const usage_error& e) {
    complain(fmt::format("{}\nRun it with --help for its options.", e.what()));
    return wrong_usage;
  } catch (const std::exception& e) {
    complain(e.what());
    return failed;
  }
}
