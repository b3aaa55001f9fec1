#pragma once

#include <antiphon/antiphon.hpp>

#include <functional>
#include <string>
#include <vector>

/// Two endpoints connected in every way there is.
namespace links {

struct framing {
  const char* name;
  antiphon::framing_factory make;
  /// What the conformance server calls it; null when it does not have it.
  const char* option;
};
const std::vector<framing>& framings();

/// A connection to the server under test, whose far end is in this process (`far` is set) or in another.
struct link {
  antiphon::transport_ptr near;
  antiphon::transport_ptr far;
};

struct transport {
  const char* name;
  /// Connects, or throws; called on the executor that is to drive both ends.
  antiphon::asio::awaitable<link> (*open)(const framing& with);
  /// Whether the far end is a conformance server of its own.
  bool other_process;
};
const std::vector<transport>& transports();

/// The methods of the conformance server that the call table uses, for far ends in this process.
antiphon::router make_routes(int& bumps);

/// The path of a program in the build directory that holds this one.
std::string program(const std::string& name);

}  // namespace links
