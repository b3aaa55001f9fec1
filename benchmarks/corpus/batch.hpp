#pragma once

#include <boost/describe/class.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Messages of any size, alone and in batches.
namespace corpus {

// What one message carries: about as much text as numbers.
struct finding {
  std::uint32_t line = 0;
  std::uint32_t character = 0;
  std::string text;
};
BOOST_DESCRIBE_STRUCT(finding, (), (line, character, text))

struct report {
  std::string uri;
  std::vector<finding> findings;
};
BOOST_DESCRIBE_STRUCT(report, (), (uri, findings))

// One whose JSON has about `size` bytes, 100 at least.
report make_report(std::size_t size);

// The JSON-RPC text of `count` requests that carry `params`: one object, or an array of them when there are
// several.
std::string requests(const report& params, std::size_t count);

}  // namespace corpus
