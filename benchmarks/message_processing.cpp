// Messages on their way in and out, all the steps that an endpoint takes except input and output: single ones
// and batches, of small and of large payloads, beside the same with Boost.JSON. `./dev bench
// message_processing` makes a table of it.

#include "benchmarks/corpus/batch.hpp"
#include "benchmarks/program.hpp"

#include <antiphon/streaming/content_length_framing.hpp>
#include <antiphon/streaming/decode.hpp>
#include <antiphon/streaming/encode.hpp>
#include <antiphon/streaming/frame_decoder.hpp>
#include <antiphon/streaming/limits.hpp>
#include <antiphon/streaming/message_view.hpp>
#include <antiphon/streaming/output_chain.hpp>
#include <antiphon/streaming/validate.hpp>
#include <antiphon/transport/buffer_pool.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr antiphon::limits bounds;
constexpr std::string_view method = "project/report";
// What stands between the id and the payload.
constexpr std::string_view in_request = R"(,"method":"project/report","params":)";
constexpr std::string_view in_reply = R"(,"result":)";

template <class Payload>
struct traffic {
  std::string name;
  Payload params;
  std::size_t count = 1;
  std::string text;
};

// --- in ---------------------------------------------------------------------------------------------------

// The messages of a valid frame, their parameters as structs.
// @return how many there were
template <class Payload>
std::size_t take_apart(std::string_view frame) {
  std::size_t count = 0;
  if (antiphon::validate(frame, bounds.depth)) return count;
  antiphon::frame_messages messages(frame);
  while (const auto text = messages.next()) {
    const auto view = antiphon::message_view::parse(*text, bounds);
    if (view.kind() != antiphon::message_kind::request || view.method_text() != method) continue;
    const auto params = view.params().decode<Payload>();
    benchmark::DoNotOptimize(params);
    ++count;
  }
  return count;
}

template <class Payload>
void receive(benchmark::State& state, const traffic<Payload>& that) {
  constexpr std::size_t most = std::size_t{64} << 10;  // of one read
  const std::string bytes = "Content-Length: " + std::to_string(that.text.size()) + "\r\n\r\n" + that.text;
  antiphon::buffer_pool pool;
  antiphon::frame_decoder decoder(antiphon::content_length_framing::make(bounds), bounds, pool);
  for (auto _ : state) {
    std::size_t received = 0;
    for (std::string_view rest = bytes; !rest.empty();) {
      antiphon::buffer& into = decoder.prepare();
      const std::size_t size = std::min({rest.size(), into.space().size(), most});
      std::memcpy(into.space().data(), rest.data(), size);
      into.commit(size);
      rest.remove_prefix(size);
      const auto& next = decoder.next();
      if (next.status == antiphon::framing::status::frame) received += take_apart<Payload>(next.frame);
    }
    if (received != that.count) state.SkipWithError("a message was lost");
  }
}

// The same of text that is there already: no frame around it, and nothing is received.
template <class Payload>
void from_text(benchmark::State& state, const traffic<Payload>& that) {
  for (auto _ : state) {
    if (take_apart<Payload>(std::string_view(that.text)) != that.count)
      state.SkipWithError("a message was lost");
  }
}

template <class Payload>
bool take_apart(const boost::json::value& message) {
  const auto& members = message.get_object();
  if (members.at("method").get_string() != method) return false;
  const auto params = boost::json::value_to<Payload>(members.at("params"));
  benchmark::DoNotOptimize(params);
  return true;
}

template <class Payload>
void boost_receive(benchmark::State& state, const traffic<Payload>& that) {
  for (auto _ : state) {
    std::size_t received = 0;
    const auto whole = boost::json::parse(that.text);
    if (const auto* batch = whole.if_array()) {
      for (const auto& message : *batch) received += take_apart<Payload>(message);
    } else {
      received += take_apart<Payload>(whole);
    }
    if (received != that.count) state.SkipWithError("a message was lost");
  }
}

// --- out --------------------------------------------------------------------------------------------------

template <class Payload>
void write_message(antiphon::output_chain& out, std::size_t id, std::string_view before_payload,
                   const Payload& payload) {
  out.append(R"({"jsonrpc":"2.0","id":)");
  antiphon::encode(out, id);
  out.append(before_payload);
  antiphon::encode(out, payload);
  out.append('}');
}

template <class Payload>
void send(benchmark::State& state, const traffic<Payload>& that, std::string_view before_payload) {
  antiphon::content_length_framing rules(bounds);
  antiphon::buffer_pool pool;
  antiphon::output_chain out(pool);
  std::vector<antiphon::slice> parts;
  for (auto _ : state) {
    out.begin_frame(rules);
    char before = '[';
    for (std::size_t id = 0; id < that.count; ++id) {
      if (that.count > 1) out.append(std::exchange(before, ','));
      write_message(out, id, before_payload, that.params);
    }
    if (that.count > 1) out.append(']');
    out.end_frame(rules);
    out.take(parts);
    benchmark::DoNotOptimize(parts.data());
    benchmark::ClobberMemory();
    parts.clear();
  }
}

template <class Payload>
void send_requests(benchmark::State& state, const traffic<Payload>& that) {
  send(state, that, in_request);
}
template <class Payload>
void send_replies(benchmark::State& state, const traffic<Payload>& that) {
  send(state, that, in_reply);
}

template <class Payload>
boost::json::value boost_request(std::size_t id, const Payload& params) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", boost::json::value_from(params)}};
}
template <class Payload>
boost::json::value boost_reply(std::size_t id, const Payload& result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", boost::json::value_from(result)}};
}

template <class Payload>
void boost_send(benchmark::State& state, const traffic<Payload>& that,
                boost::json::value (*make)(std::size_t, const Payload&)) {
  for (auto _ : state) {
    boost::json::value whole;
    if (that.count == 1) {
      whole = make(0, that.params);
    } else {
      auto& batch = whole.emplace_array();
      batch.reserve(that.count);
      for (std::size_t id = 0; id < that.count; ++id) batch.push_back(make(id, that.params));
    }
    const std::string text = boost::json::serialize(whole);
    benchmark::DoNotOptimize(text.data());
  }
}

template <class Payload>
void boost_send_requests(benchmark::State& state, const traffic<Payload>& that) {
  boost_send(state, that, boost_request<Payload>);
}
template <class Payload>
void boost_send_replies(benchmark::State& state, const traffic<Payload>& that) {
  boost_send(state, that, boost_reply<Payload>);
}

// --- all --------------------------------------------------------------------------------------------------

struct size {
  std::string_view name;
  std::size_t bytes;
};
constexpr size sizes[] = {
    {"100 B", 100}, {"1 KiB", 1 << 10}, {"10 KiB", 10 << 10}, {"100 KiB", 100 << 10}, {"1 MiB", 1 << 20}};
constexpr std::size_t counts[] = {1, 10, 100, 1000};

// Of the strings, in KiB.
constexpr std::size_t lengths[] = {1, 10, 100, 1000};

template <class Payload>
struct direction {
  std::string_view name;
  void (*run)(benchmark::State&, const traffic<Payload>&);
  bool of_replies = false;
};
template <class Payload>
constexpr direction<Payload> directions[] = {
    {"receive", receive<Payload>},
    {"from text", from_text<Payload>},
    {"boost receive", boost_receive<Payload>},
    {"send requests", send_requests<Payload>},
    {"boost send requests", boost_send_requests<Payload>},
    {"send replies", send_replies<Payload>, true},
    {"boost send replies", boost_send_replies<Payload>, true},
};

// The benchmarks point into `that`.
template <class Payload>
void add_all(const traffic<Payload>& that) {
  for (const direction<Payload>& way : directions<Payload>) {
    const std::size_t less = way.of_replies ? that.count * (in_request.size() - in_reply.size()) : 0;
    bench::add(
        that.name, std::string(way.name), that.text.size() - less,
        [run = way.run, &that](benchmark::State& state) { run(state, that); }, that.count);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bench::program program(argc, argv);
  std::deque<traffic<corpus::report>> reports;
  for (const auto& [name, bytes] : sizes) {
    for (const std::size_t count : counts) {
      if (bytes * count > bounds.message_bytes * 3 / 4) continue;  // beyond what a peer accepts in one frame
      std::string corpus = std::string(name) + " x " + std::to_string(count);
      if (!program.wants(corpus)) continue;
      const auto params = corpus::make_report(bytes);
      add_all(reports.emplace_back(
          traffic<corpus::report>{std::move(corpus), params, count, corpus::requests(params, count)}));
    }
  }
  std::deque<traffic<corpus::one_string>> strings;
  for (const std::size_t kib : lengths) {
    std::string corpus = "one string, " + std::to_string(kib) + " KiB";
    if (!program.wants(corpus)) continue;
    const auto params = corpus::make_one_string(kib);
    add_all(strings.emplace_back(
        traffic<corpus::one_string>{std::move(corpus), params, 1, corpus::requests(params, 1)}));
  }
  return program.run();
}
