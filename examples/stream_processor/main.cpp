#include "service.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace {

constexpr std::string_view usage = R"(antiphon-stream-processor --config FILE [--framing line|content-length]
                          [--when-full wait|drop]

Turns messages (`publish` notifications on standard input) into results on standard output, as the mappings of
the configuration say. examples/stream_processor/README.md has its format.
)";

struct options {
  std::string config;
  antiphon::framing_factory framing = antiphon::line_framing::make;
  stream::when_full policy = stream::when_full::wait;
};

/// Nothing when they are wrong, which was then said.
std::optional<options> parse(int count, char** words) {
  options chosen;
  for (int at = 1; at < count; at += 2) {
    const std::string_view name = words[at];
    const std::string_view word = at + 1 < count ? words[at + 1] : "";
    if (name == "--config" && !word.empty()) {
      chosen.config = word;
    } else if (name == "--framing" && (word == "line" || word == "content-length")) {
      if (word == "content-length") chosen.framing = antiphon::content_length_framing::make;
    } else if (name == "--when-full" && (word == "wait" || word == "drop")) {
      if (word == "drop") chosen.policy = stream::when_full::drop;
    } else {
      fmt::print(stderr, "stream_processor: what is '{} {}'?\n{}", name, word, usage);
      return std::nullopt;
    }
  }
  if (chosen.config.empty()) {
    fmt::print(stderr, "stream_processor: --config is missing\n{}", usage);
    return std::nullopt;
  }
  return chosen;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) throw stream::configuration_error("", "it can't be read");
  return text;
}

boost::asio::awaitable<int> serve(const options& chosen) {
  const auto executor = co_await boost::asio::this_coro::executor;
  stream::service service(executor, chosen.policy);
  try {
    service.configure(text_of(chosen.config));
  } catch (const stream::configuration_error& e) {
    antiphon::write_to_stderr(fmt::format("stream_processor: {}: {}\n", chosen.config, e.what()));
    co_return 2;
  }
  antiphon::endpoint_options behaviour;
  behaviour.framing = chosen.framing;
  auto transport = co_await antiphon::open_stdio();
  antiphon::endpoint endpoint(std::move(transport), service.routes(), std::move(behaviour));
  const antiphon::ended how = co_await endpoint.run();
  co_return how.exit_code();
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::string_view(words[1]) == "--help") {
    fmt::print("{}", usage);
    return 0;
  }
  const auto chosen = parse(count, words);
  if (!chosen) return 2;
  return antiphon::run_main(serve(*chosen));
}
