#pragma once

#include "benchmarks/load/clock.hpp"

#include <antiphon/streaming/framing.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace load {

enum class mode { ping_pong, pipelined, notifications, burst, batch, open_loop, mixed };
enum class filling { string, integers, scalars };
enum class transport { pipes, tcp, unix_socket };

/// What is asked for, with a scenario's values filled in and checked.
struct options {
  load::transport over = load::transport::pipes;
  std::vector<std::string> command;
  /// HOST:PORT or a path.
  std::string address;
  /// The process whose CPU time is the server's, where it wasn't started here; 0: unknown.
  int pid = 0;

  std::string mode_name;
  std::string framing_name;
  load::mode mode = load::mode::ping_pong;
  antiphon::framing_factory framing;

  std::string method;
  std::size_t size = 0;
  load::filling filling = load::filling::string;
  /// JSON; empty for what `size` and `filling` say.
  std::string params;

  /// Requests in flight in pipelined and mixed mode, requests of a burst, batches in flight in batch mode.
  std::size_t window = 0;
  std::size_t batch = 0;
  /// Requests a second in open-loop mode.
  double rate = 0;
  /// Requests of other methods that go along in open-loop mode; their latency is not measured.
  struct companion {
    std::string method;
    double rate = 0;
  };
  std::vector<companion> beside;
  /// In open-loop mode: what could not be sent by the end of the time never is.
  bool punctual = false;

  budget measured;
  budget warm_up;
  /// How long the server may take to do anything at all.
  nanoseconds patience{0};

  bool json = false;
  bool allow_errors = false;
};

}  // namespace load
