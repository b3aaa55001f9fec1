#include "benchmarks/load/report.hpp"

#include <fmt/format.h>

#include <array>

namespace load {
namespace {

const char* name_of(transport over) {
  switch (over) {
    case transport::tcp: return "tcp";
    case transport::unix_socket: return "unix";
    case transport::pipes: break;
  }
  return "pipes";
}

struct quantile {
  const char* key;
  double percent;
};
constexpr std::array<quantile, 4> quantiles{{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99_9", 99.9}}};

double microseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }

/// The figures that follow from others.
struct derived {
  explicit derived(const report& of)
      : seconds(seconds_in(of.counts.end - of.counts.begin)),
        rate(static_cast<double>(of.counts.done) / seconds),
        mib_per_s(static_cast<double>(of.counts.bytes_sent) / seconds / (1024 * 1024)),
        client_cpu(per_message(of, of.client_cpu)) {
    if (of.server_cpu) server_cpu = per_message(of, *of.server_cpu);
  }
  static double per_message(const report& of, nanoseconds time) {
    return of.counts.done == 0 ? 0 : seconds_in(time) * 1e6 / static_cast<double>(of.counts.done);
  }

  double seconds;
  double rate;
  double mib_per_s;
  double client_cpu;
  std::optional<double> server_cpu;
};

std::string latency_json(const antiphon::histogram& latency) {
  if (latency.count() == 0) return "null";
  std::string text = "{";
  for (const auto& [key, percent] : quantiles)
    text += fmt::format(R"("{}":{:.3f},)", key, microseconds(latency.percentile(percent)));
  return text + fmt::format(R"("max":{:.3f}}})", microseconds(latency.max()));
}

std::string latency_text(const antiphon::histogram& latency) {
  std::string text;
  for (const auto& [key, percent] : quantiles)
    text += fmt::format("p{:g} {:.1f}, ", percent, microseconds(latency.percentile(percent)));
  return text + fmt::format("max {:.1f}", microseconds(latency.max()));
}

}  // namespace

std::string as_json(const report& result) {
  const derived figures(result);
  const tally& counts = result.counts;
  std::string windows;
  for (const double rate : counts.pace.rates())
    windows += fmt::format("{}{:.1f}", windows.empty() ? "" : ",", rate);
  return fmt::format(
      R"({{"mode":"{}","framing":"{}","transport":"{}","message_bytes":{:.0f},"messages":{},"seconds":{:.6f},)"
      R"("rate":{:.1f},"latency_us":{},"bytes_sent":{},"bytes_received":{},"mib_per_s":{:.3f},)"
      R"("client_cpu_us_per_message":{:.4f},"server_cpu_us_per_message":{},"errors":{},"windows":[{}]}})"
      "\n",
      result.chosen.mode_name, result.chosen.framing_name, name_of(result.chosen.over), result.message_bytes,
      counts.done, figures.seconds, figures.rate, latency_json(counts.latency), counts.bytes_sent,
      counts.bytes_received, figures.mib_per_s, figures.client_cpu,
      figures.server_cpu ? fmt::format("{:.4f}", *figures.server_cpu) : "null", counts.errors, windows);
}

std::string as_text(const report& result) {
  const derived figures(result);
  const tally& counts = result.counts;
  std::string text =
      fmt::format("{}, {} over {}, messages of {:.0f} bytes\n", result.chosen.mode_name,
                  result.chosen.framing_name, name_of(result.chosen.over), result.message_bytes);
  text += fmt::format("  {} messages in {:.2f} s: {:.0f} a second, {:.1f} MiB/s sent\n", counts.done,
                      figures.seconds, figures.rate, figures.mib_per_s);
  if (counts.latency.count() != 0) text += fmt::format("  latency, us: {}\n", latency_text(counts.latency));
  text += fmt::format("  CPU time a message, us: {:.2f} here", figures.client_cpu);
  if (figures.server_cpu) text += fmt::format(", {:.2f} in the server", *figures.server_cpu);
  text += "\n  each tenth of the run, messages a second:";
  for (const double rate : counts.pace.rates()) text += fmt::format(" {:.0f}", rate);
  text += '\n';
  if (counts.errors != 0)
    text += fmt::format("  error responses: {}; the first: {}\n", counts.errors, counts.first_error);
  return text;
}

}  // namespace load
