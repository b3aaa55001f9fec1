#include <antiphon/streaming/validate.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("JSONTestSuite: every y_ file is accepted and every n_ file refused") {
  const fs::path suite = fs::path(ANTIPHON_PROJECT_ROOT) / ".." / "shared" / "json-test-suite";
  if (!fs::is_directory(suite)) {
    MESSAGE("skipped: no ../shared/json-test-suite beside the project");
    return;
  }
  int accepted = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(suite)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("y_") && !name.starts_with("n_")) continue;
    CAPTURE(name);
    const bool valid = !antiphon::validate(content(entry.path()), 256);
    CHECK(valid == name.starts_with("y_"));
    ++(valid ? accepted : refused);
  }
  CHECK(accepted >= 90);
  CHECK(refused >= 180);
}
