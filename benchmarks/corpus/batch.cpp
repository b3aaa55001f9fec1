#include "benchmarks/corpus/batch.hpp"

#include "benchmarks/corpus/prose.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace corpus {

report make_report(std::size_t size) {
  // What surrounds the text of a finding, about.
  constexpr std::size_t around = 45;
  random choose(size);
  report made;
  made.uri = "file:///src/main.cpp";
  std::size_t written = made.uri.size() + 24;
  while (written + around < size) {
    finding found;
    found.line = choose.below(4000);
    found.character = choose.below(120);
    found.text = sentences(choose, script::latin);
    found.text.resize(std::min(found.text.size(), size - written - around + 5));
    written += boost::json::serialize(boost::json::value_from(found)).size() + 1;
    made.findings.push_back(std::move(found));
  }
  return made;
}

one_string make_one_string(std::size_t kib) {
  return {std::string(kib << 10, 'x'), static_cast<std::uint32_t>(kib), "2025-08-06T12:00:00.000000Z"};
}

namespace {

std::string requests(const boost::json::value& params, std::size_t count) {
  const std::string payload = boost::json::serialize(params);
  std::string out;
  for (std::size_t id = 0; id < count; ++id) {
    out += out.empty() ? "" : ",";
    out += fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"project/report","params":{}}})", id, payload);
  }
  return count == 1 ? out : '[' + out + ']';
}

}  // namespace

std::string requests(const report& params, std::size_t count) {
  return requests(boost::json::value_from(params), count);
}
std::string requests(const one_string& params, std::size_t count) {
  return requests(boost::json::value_from(params), count);
}

}  // namespace corpus
