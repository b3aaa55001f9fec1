#include "tests/support/pairs.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/transports.hpp"

#include <antiphon/antiphon.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A peer that asks for much more than it reads.

namespace {

namespace asio = antiphon::asio;
using asio::awaitable;

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t answer_size = support::sanitized ? 8 * 1024 : 64 * 1024;
constexpr unsigned requests = 10'000;

/// The memory that this process has in use, in bytes.
std::size_t resident() {
  std::size_t whole = 0;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> whole >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

class lazy_peer {
 public:
  explicit lazy_peer(int socket) : socket_(socket), seen_(requests) {
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
    for (unsigned id = 0; id < requests; ++id)
      questions_ += R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" +
                    (id % 2 == 0 ? "large" : "large, later") + "\"}\n";
    rest_ = questions_;
  }
  lazy_peer(const lazy_peer&) = delete;
  lazy_peer& operator=(const lazy_peer&) = delete;
  ~lazy_peer() { ::close(socket_); }

  bool all_asked() const { return rest_.empty(); }
  /// False when the socket takes no more.
  bool ask() {
    const ssize_t wrote = ::write(socket_, rest_.data(), std::min<std::size_t>(rest_.size(), 16 * 1024));
    if (wrote > 0) rest_.remove_prefix(static_cast<std::size_t>(wrote));
    return wrote > 0;
  }
  void read() {
    const std::size_t before = text_.size();
    text_.resize(before + mib);
    const ssize_t got = ::read(socket_, text_.data() + before, mib);
    text_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos; begin = end + 1)
      take(std::string_view(text_).substr(begin, end - begin));
    text_.erase(0, begin);
  }
  unsigned answered() const { return answered_; }
  unsigned wrong() const { return wrong_; }

 private:
  void take(std::string_view line) {
    constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";
    unsigned id = requests;
    if (line.starts_with(head)) std::from_chars(line.data() + head.size(), line.data() + line.size(), id);
    const bool right = id < requests && !seen_[id] && line.size() > answer_size && line.ends_with("xx\"}");
    if (!right) ++wrong_;
    if (id < requests) seen_[id] = true;
    ++answered_;
  }

  int socket_;
  std::string questions_;
  std::string_view rest_;
  std::string text_;
  std::vector<bool> seen_;
  unsigned answered_ = 0;
  unsigned wrong_ = 0;
};

awaitable<void> serve(int socket, std::optional<antiphon::endpoint>& server,
                      std::optional<antiphon::ended>& how) {
  auto opening = support::open_descriptors(socket, socket);
  auto over = co_await std::move(opening);
  antiphon::router routes;
  routes.on_request("large", [] { return std::string(answer_size, 'x'); });
  routes.on_request("large, later", []() -> awaitable<std::string> {
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::deferred);
    co_return std::string(answer_size, 'x');
  });
  antiphon::endpoint_options options;
  options.framing = antiphon::line_framing::make;
  server.emplace(std::move(over), std::move(routes), options);
  auto running = server->run();
  how = co_await std::move(running);
}

}  // namespace

TEST_CASE("a peer that asks for 10000 large answers and reads none costs bounded memory, and loses none") {
  asio::io_context context(1);
  const auto ends = support::make_socketpair();
  std::optional<antiphon::endpoint> server;
  std::optional<antiphon::ended> how;
  std::exception_ptr failure;
  support::start(context, serve(ends.second, server, how), failure);
  lazy_peer peer(ends.first);
  context.poll();
  REQUIRE(server.has_value());
  const std::size_t before = resident();

  // Until both are stuck.
  for (bool moved = true; moved;) {
    moved = !peer.all_asked() && peer.ask();
    moved = context.poll() > 0 || moved;
  }
  const auto stats = server->stats();
  CHECK(stats.results_sent < requests / 2);
  CHECK(stats.outgoing_bytes > 8 * mib);
  CHECK(stats.outgoing_bytes_peak < 20 * mib);
  if (!support::sanitized) CHECK(resident() - before < 32 * mib);

  const auto late = std::chrono::steady_clock::now() + support::patience;
  while (peer.answered() < requests && std::chrono::steady_clock::now() < late) {
    if (!peer.all_asked()) peer.ask();
    context.poll();
    peer.read();
  }
  CHECK(peer.answered() == requests);
  CHECK(peer.wrong() == 0);
  if (!support::sanitized) CHECK(resident() - before < 32 * mib);
  server->close();
  support::drain(context);
  REQUIRE(how.has_value());
  CHECK(how->reason == antiphon::end_reason::closed_here);
  CHECK_FALSE(static_cast<bool>(failure));
  MESSAGE("RSS grew by ", (resident() - before) / 1024, " KiB; ", stats.outgoing_bytes_peak / 1024,
          " KiB were owed at most");
}
