#pragma once

#include <antiphon/transport/transport.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace bench {

// What is sent: so many pieces of one size, each with a call of its own.
struct load {
  std::string name;
  std::size_t size;
  std::size_t count;

  std::size_t bytes() const noexcept { return size * count; }
};

std::span<const load> loads();

// Where bytes can be sent from one end and received at the other. Closed with its owner.
class connection {
 public:
  connection(antiphon::transport_ptr from, antiphon::transport_ptr to)
      : from_(std::move(from)), to_(std::move(to)) {}
  // What is sent comes back to where it was sent from.
  explicit connection(antiphon::transport_ptr loop) : from_(std::move(loop)) {}

  // Sends all of it and receives it.
  void transfer(boost::asio::io_context& context, const load& what);

 private:
  antiphon::transport_ptr from_;
  antiphon::transport_ptr to_;
};

// The same with system calls only.
class bare_connection {
 public:
  // Takes the descriptors over.
  bare_connection(int from, int to);
  bare_connection(const bare_connection&) = delete;
  bare_connection& operator=(const bare_connection&) = delete;
  ~bare_connection();

  void transfer(const load& what);

 private:
  int from_;
  int to_;
};

// A way to get connected.
struct route {
  std::string_view name;
  connection (*open)(boost::asio::io_context& context);
  // Null where no system call does the like.
  bare_connection (*open_bare)();
};

std::span<const route> routes();

}  // namespace bench
