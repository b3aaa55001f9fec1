#pragma once

#include <antiphon/streaming/scanner.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace test {

/// Runs `body` with each implementation of the scanner that this machine can run.
template <class Body>
void with_each_scanner(Body body) {
  const std::string before(antiphon::scanner_implementation());
  for (const std::string_view name : antiphon::scanner_implementations()) {
    CAPTURE(name);
    REQUIRE(antiphon::use_scanner_implementation(name));
    REQUIRE(antiphon::scanner_implementation() == name);
    body();
  }
  antiphon::use_scanner_implementation(before);
}

}  // namespace test
