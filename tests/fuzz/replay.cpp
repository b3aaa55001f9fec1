#include "tests/fuzz/check.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

// Runs a fuzz target on the files that are named, and on those in the directories that are; for compilers
// without libFuzzer. The last line that it prints names the file, if one ends the program.

namespace {

namespace fs = std::filesystem;

void add(const fs::path& place, std::vector<fs::path>& files) {
  if (!fs::is_directory(place)) {
    files.push_back(place);
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(place))
    if (entry.is_regular_file()) files.push_back(entry.path());
}

void run(const fs::path& file) {
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);
  std::ifstream in(file, std::ios::binary);
  if (!in) fuzz::found("it can't be read");
  const std::string content{std::istreambuf_iterator<char>(in), {}};
  // On the heap and no byte more, so that a sanitizer sees who reads on.
  const auto bytes = std::make_unique<std::uint8_t[]>(content.size());
  std::copy(content.begin(), content.end(), bytes.get());
  LLVMFuzzerTestOneInput(bytes.get(), content.size());
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) add(arguments[i], files);
  std::sort(files.begin(), files.end());
  for (const auto& file : files) run(file);
  std::printf("%zu replayed\n", files.size());
  return files.empty() ? 1 : 0;
}
