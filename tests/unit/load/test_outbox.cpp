#include "benchmarks/load/outbox.hpp"

#include <doctest/doctest.h>

#include <string>

using load::outbox;
using load::shape;

namespace {

/// A frame whose id stands behind `before`; all of it is copied, or all up to the id.
shape frame(std::string before, std::string after, bool copy_all) {
  shape made;
  made.id_at = {before.size()};
  made.bytes = std::move(before) + "0000000000" + std::move(after);
  made.copied = copy_all ? made.bytes.size() : made.id_at[0] + 10;
  return made;
}

/// Takes out what there is, `step` bytes at a time.
std::string drained(outbox& box, std::size_t step) {
  std::string all;
  while (!box.empty()) {
    const auto first = box.parts().front();
    const std::size_t size = std::min(step, first.iov_len);
    all.append(static_cast<const char*>(first.iov_base), size);
    box.drop(size);
  }
  return all;
}

}  // namespace

TEST_CASE("frames go out in order, each with its own id, whether copied or not") {
  const shape small = frame("<", ">", true);
  const shape large = frame("{", std::string(5000, 'x') + "}", false);
  for (const std::size_t step : {1UL, 7UL, 4096UL, 1'000'000UL}) {
    outbox box(100);
    box.add(small, 1000000001);
    box.add(small, 1000000002);
    box.add(large, 1000000003);
    box.add(small, 1000000004);
    CHECK(drained(box, step) ==
          "<1000000001><1000000002>{1000000003" + std::string(5000, 'x') + "}<1000000004>");
    box.add(small, 1000000005);
    CHECK(drained(box, step) == "<1000000005>");
  }
}

TEST_CASE("short frames become one part; their number is bounded by what is in the outbox") {
  const shape small = frame("<", ">", true);
  outbox box(100);
  std::uint64_t id = 1000000000;
  std::string all;
  while (box.has_room(small)) {
    box.add(small, id);
    all += '<' + std::to_string(id++) + '>';
    REQUIRE(id < 1000100000);
  }
  CHECK(all.size() > 64 * 1024);
  CHECK(box.parts().size() == 1);
  CHECK(drained(box, 65536) == all);
  CHECK(box.has_room(small));
}
