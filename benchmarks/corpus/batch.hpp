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

// One string that is nearly all of the message, a letter repeated: what is easiest to read and to write.
struct one_string {
  std::string data;
  std::uint32_t size_kb = 0;
  std::string timestamp;
};
BOOST_DESCRIBE_STRUCT(one_string, (), (data, size_kb, timestamp))

one_string make_one_string(std::size_t kib);

// The JSON-RPC text of `count` requests that carry `params`: one object, or an array of them when there are
// several.
std::string requests(const report& params, std::size_t count);
std::string requests(const one_string& params, std::size_t count);

}  // namespace corpus
