#include "benchmarks/corpus/lsp.hpp"
#include "benchmarks/streaming/cases.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/streaming/raw_json.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <vector>

namespace bench {
namespace {

template <class T>
void decode(benchmark::State& state, std::string_view payload) {
  const antiphon::raw_json json(payload);
  for (auto _ : state) {
    const T value = json.decode<T>();
    benchmark::DoNotOptimize(value);
  }
}

template <class T>
T by_boost(std::string_view payload) {
  return boost::json::value_to<T>(boost::json::parse(payload));
}

template <class T>
void boost_decode(benchmark::State& state, std::string_view payload) {
  for (auto _ : state) {
    const T value = by_boost<T>(payload);
    benchmark::DoNotOptimize(value);
  }
}

// Into a frame, as an endpoint writes it; the buffers come back for the next one.
template <class T>
void encode(benchmark::State& state, std::string_view payload) {
  const T value = by_boost<T>(payload);
  antiphon::content_length_framing rules{antiphon::limits()};
  antiphon::buffer_pool pool;
  antiphon::output_chain out(pool);
  std::vector<antiphon::slice> parts;
  for (auto _ : state) {
    out.begin_frame(rules);
    antiphon::encode(out, value);
    out.end_frame(rules);
    out.take(parts);
    benchmark::DoNotOptimize(parts.data());
    benchmark::ClobberMemory();
    parts.clear();
  }
}

template <class T>
void boost_encode(benchmark::State& state, std::string_view payload) {
  const T value = by_boost<T>(payload);
  for (auto _ : state) {
    const std::string text = boost::json::serialize(boost::json::value_from(value));
    benchmark::DoNotOptimize(text.data());
  }
}

template <class T>
void add_all(const corpus::message& message) {
  const std::string_view payload = message.payload();
  const auto with = [&](const std::string& what, void (*run)(benchmark::State&, std::string_view)) {
    add(message.name, what, payload.size(), [run, payload](benchmark::State& state) { run(state, payload); });
  };
  with("decode", decode<T>);
  with("boost decode", boost_decode<T>);
  with("encode", encode<T>);
  with("boost encode", boost_encode<T>);
}

struct known {
  std::string_view name;
  void (*add)(const corpus::message&);
};
constexpr known structs[] = {
    {"hover", add_all<corpus::lsp::hover_params>},
    {"completion", add_all<corpus::lsp::completion_list>},
    {"completion_cjk", add_all<corpus::lsp::completion_list>},
    {"did_change", add_all<corpus::lsp::did_change_params>},
    {"semantic_tokens", add_all<corpus::lsp::semantic_tokens>},
};

}  // namespace

void add_structs(const corpus::message& message) {
  for (const auto& [name, add] : structs)
    if (name == message.name) add(message);
}

}  // namespace bench
