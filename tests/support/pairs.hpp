#pragma once

#include <antiphon/transport/transport.hpp>

#include <string>
#include <vector>

/// Connected transports of every kind, for what all of them must do alike.
namespace support {

enum class kind {
  memory,
  tiny_memory,
  tcp,
  tcp_v6,
  unix_socket,
  abstract_unix_socket,
  stdio_on_pipes,
  stdio_on_socketpair,
  stdio_on_terminal,
  child,
};

/// Whether this machine can open it (loopback without IPv6, for one).
const std::vector<kind>& all_kinds();
/// Those whose both ends are transports of this process, with an end of input.
const std::vector<kind>& two_ended_kinds();
const char* name_of(kind k);

struct pair {
  antiphon::transport_ptr near;
  antiphon::transport_ptr far;
};

/// A pair whose ends talk to each other. For `child`, `near` is the pipe to a cat and `far` is null.
antiphon::asio::awaitable<pair> make_pair(kind k);

/// A directory of its own, removed with all it holds.
class temporary_directory {
 public:
  temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory();
  std::string path(const std::string& name = "") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Two connected sockets, as a process would inherit them: blocking.
struct descriptor_pair {
  int first;
  int second;
};
descriptor_pair make_socketpair();
/// A pipe as a process would inherit it: first is the end to read from.
descriptor_pair make_raw_pipe();
/// A pseudo-terminal in raw mode: first is the master.
descriptor_pair make_terminal();

/// A transport over descriptors that it takes over.
antiphon::asio::awaitable<antiphon::transport_ptr> open_descriptors(int input, int output);

}  // namespace support
