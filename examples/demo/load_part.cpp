#include "lsp_client.hpp"
#include "parts.hpp"
#include "terminal.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace demo {
namespace {

constexpr std::size_t request_count = 100'000;
constexpr std::size_t in_flight = 64;
constexpr std::string_view document_uri = "file:///load.json";

using clock = std::chrono::steady_clock;

struct load {
  explicit load(asio::any_io_executor executor) : all_done(executor, clock::time_point::max()) {
    latencies.reserve(request_count);
  }

  std::size_t sent = 0;
  std::size_t workers = 0;
  std::vector<clock::duration> latencies;
  std::exception_ptr failure;
  asio::steady_timer all_done;
};

// One of those that keep the pipe full: as soon as it has an answer it asks again.
asio::awaitable<void> work(antiphon::endpoint& server, load& all) {
  json_ls::hover_params params;
  params.textDocument.uri = document_uri;
  while (all.sent < request_count && !all.failure) {
    params.position.character = static_cast<std::uint32_t>(1 + 2 * (all.sent % 4));
    const std::string pointer = fmt::format("`/{}`", all.sent % 4);
    ++all.sent;
    const auto start = clock::now();
    auto asking = server.call<hover_answer>("textDocument/hover", params);
    const hover_answer answer = co_await std::move(asking);
    all.latencies.push_back(clock::now() - start);
    expect(answer.contents.value.starts_with(pointer), "a wrong answer: " + answer.contents.value);
  }
}

asio::awaitable<void> work_together(antiphon::endpoint& server, load& all) {
  const auto worker_ended = [&all](std::exception_ptr failure) {
    if (failure) all.failure = failure;
    if (--all.workers == 0) all.all_done.cancel();
  };
  while (all.workers < in_flight) {
    ++all.workers;
    asio::co_spawn(server.get_executor(), work(server, all), worker_ended);
  }
  auto waiting = all.all_done.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await std::move(waiting);
  if (all.failure) std::rethrow_exception(all.failure);
}

// 272034 as "272,034".
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string percentile(const std::vector<clock::duration>& sorted, std::size_t hundredths) {
  return readable(sorted[(sorted.size() - 1) * hundredths / 100]);
}

void print_figures(load& all, clock::duration took) {
  std::sort(all.latencies.begin(), all.latencies.end());
  const auto rate = static_cast<double>(all.latencies.size()) / std::chrono::duration<double>(took).count();
  fmt::print("  {} answers, each checked, in {}\n", grouped(all.latencies.size()), readable(took));
  fmt::print("  rate     {}\n", paint(colour::bold, fmt::format("{} requests a second",
                                                                grouped(static_cast<std::uint64_t>(rate)))));
  fmt::print("  latency  p50 {}   p90 {}   p99 {}   max {}\n", percentile(all.latencies, 50),
             percentile(all.latencies, 90), percentile(all.latencies, 99), percentile(all.latencies, 100));
}

asio::awaitable<void> measure(language_server& server) {
  initialize_params params;
  auto asking = server.ask<introduction>("initialize", params);
  co_await std::move(asking);
  open_params opened;
  opened.textDocument.uri = document_uri;
  opened.textDocument.languageId = "json";
  opened.textDocument.text = "[1,2,3,4]";
  auto opening = server.tell("textDocument/didOpen", opened);
  co_await std::move(opening);

  load all(server.endpoint().get_executor());
  const auto start = clock::now();
  auto working = work_together(server.endpoint(), all);
  co_await std::move(working);
  const auto took = clock::now() - start;
  expect(all.latencies.size() == request_count, "not every request was answered");
  print_figures(all, took);

  auto leaving = server.ask<antiphon::raw_json>("shutdown");
  co_await std::move(leaving);
  auto ending = server.tell("exit");
  co_await std::move(ending);
}

}  // namespace

asio::awaitable<void> measure_json_server(std::string program) {
  fmt::print("\n{}\n\n",
             paint(colour::bold, fmt::format("{} hover requests through the JSON language server's stdio, "
                                             "{} in flight at a time",
                                             grouped(request_count), in_flight)));
  std::fflush(stdout);
  auto executor = co_await asio::this_coro::executor;
  language_server server(executor);
  antiphon::command command(program);
  language_server::body talk = measure;
  auto running = server.run(std::move(command), std::move(talk));
  co_await std::move(running);
}

}  // namespace demo
