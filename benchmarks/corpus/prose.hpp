#pragma once

#include "benchmarks/corpus/random.hpp"

#include <string>

// The words that the messages are made of.
namespace corpus {

enum class script { latin, cjk };

// "buffer_view_size", "parseRange"
std::string identifier(random& choose);
// "file:///home/user/project/src/parse/range.cpp"
std::string file_uri(random& choose);
// A sentence or two of documentation.
std::string sentences(random& choose, script letters);
// Documentation as editors show it: prose with code spans, a list or an example.
std::string markdown(random& choose, script letters);
// A line of C++ with its line end; with tabs, quotes, backslashes and, rarely, a non-ASCII letter.
std::string source_line(random& choose);

}  // namespace corpus
