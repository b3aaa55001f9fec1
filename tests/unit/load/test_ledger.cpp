#include "benchmarks/load/expected_result.hpp"
#include "benchmarks/load/ledger.hpp"

#include <doctest/doctest.h>

#include <vector>

using load::ledger;

namespace {

const load::expected_result any;

std::uint64_t open(ledger& book) { return book.open(load::clock::now(), any); }

}  // namespace

TEST_CASE("an id is in flight from its opening to its closing, once") {
  ledger book(4);
  const auto first = open(book);
  const auto second = open(book);
  CHECK(second == first + 1);
  CHECK(book.in_flight() == 2);
  CHECK(book.find(second + 1) == nullptr);
  CHECK(book.find(0) == nullptr);
  REQUIRE(book.find(second) != nullptr);
  book.close(*book.find(second));
  CHECK(book.find(second) == nullptr);
  CHECK(book.in_flight() == 1);
  CHECK(book.find(first) != nullptr);
}

TEST_CASE("a request that is never answered is in the way when its turn comes again, and no other") {
  ledger book(4);
  const auto lost = open(book);
  std::size_t others = 0;
  while (book.has_room(1)) {
    const auto id = open(book);
    CHECK(id != lost);
    book.close(*book.find(id));
    ++others;
    REQUIRE(others < 100'000);
  }
  CHECK(others > 4);
  CHECK(book.in_flight() == 1);
  CHECK_FALSE(book.has_room(2));
  book.close(*book.find(lost));
  CHECK(book.has_room(2));
}
