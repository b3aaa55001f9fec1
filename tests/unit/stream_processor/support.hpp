#pragma once

#include "expression.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// What an expression makes of one message: its JSON, or "column: reason".
class evaluation {
 public:
  evaluation() {
    vars.add("count", "41");
    vars.add("name", R"("north")");
    fixed["factor"] = stream::value::of(2.5);
  }

  std::string operator()(std::string_view text, std::string_view payload = "null") {
    try {
      return evaluate(text, payload);
    } catch (const stream::expression_error& e) {
      return e.what();
    }
  }

  stream::variables vars;
  std::map<std::string, stream::value> fixed;

 private:
  std::string evaluate(std::string_view text, std::string_view payload) {
    stream::path_set paths;
    const std::vector<std::string> captures{"device"};
    const auto compiled = stream::expression::compile(text, {paths, captures, fixed, vars});
    std::vector<std::string_view> values(paths.size());
    paths.find(payload, values);
    const std::vector<std::string_view> captured{"d7"};
    const auto snapshot = vars.read();
    stream::scratch memory;
    stream::value result;
    stream::failure why;
    if (!compiled.evaluate({values, captured, "sensors/d7", snapshot.get()}, memory, result, why))
      return std::to_string(why.column) + ": " + std::string(why.what);
    std::string json;
    append_json(json, result);
    return json;
  }
};

}  // namespace test
