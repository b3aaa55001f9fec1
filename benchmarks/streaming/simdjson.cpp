// On-Demand is compiled into this file, for this machine (-march=native): from the library comes only its
// first pass, which picks its instructions at run time.

#include "benchmarks/streaming/cases.hpp"

#include <simdjson.h>

#include <memory>

namespace bench {
namespace {

namespace ondemand = simdjson::ondemand;

struct envelope {
  std::string_view version;
  std::string_view id;
  std::string_view method;
  std::string_view payload;
};

// The same that message_view gives: the members of the envelope, the payload as it stands.
simdjson::error_code read(ondemand::parser& parser, const simdjson::padded_string& text, envelope& out) {
  ondemand::document document;
  SIMDJSON_TRY(parser.iterate(text).get(document));
  ondemand::object members;
  SIMDJSON_TRY(document.get_object().get(members));
  for (auto member : members) {
    std::string_view key;
    SIMDJSON_TRY(member.unescaped_key().get(key));
    ondemand::value value;
    SIMDJSON_TRY(member.value().get(value));
    if (key == "jsonrpc") {
      SIMDJSON_TRY(value.get_string().get(out.version));
    } else if (key == "id") {
      out.id = value.raw_json_token();
    } else if (key == "method") {
      SIMDJSON_TRY(value.get_string().get(out.method));
    } else {
      SIMDJSON_TRY(simdjson::to_json_string(value).get(out.payload));
    }
  }
  return simdjson::SUCCESS;
}

}  // namespace

std::string simdjson_description() {
  return simdjson::get_active_implementation()->name() + ", On-Demand " +
         SIMDJSON_STRINGIFY(SIMDJSON_BUILTIN_IMPLEMENTATION);
}

void add_simdjson(const corpus::message& message) {
  const std::string_view text = message.text;
  // simdjson reads beyond the end of the text, so it needs a copy with room behind it.
  const auto padded = std::make_shared<simdjson::padded_string>(text);
  add(message.name, "simdjson dom", text.size(), [padded](benchmark::State& state) {
    simdjson::dom::parser parser;
    for (auto _ : state) {
      simdjson::dom::element root;
      if (parser.parse(*padded).get(root)) state.SkipWithError("simdjson refuses the message");
      benchmark::DoNotOptimize(root);
    }
  });
  add(message.name, "simdjson ondemand", text.size(),
      [padded, expected = message.payload().size()](benchmark::State& state) {
        ondemand::parser parser;
        for (auto _ : state) {
          envelope seen;
          if (read(parser, *padded, seen) || seen.payload.size() != expected)
            state.SkipWithError("On-Demand loses the payload");
          benchmark::DoNotOptimize(seen);
        }
      });
}

}  // namespace bench
