#include "tests/unit/relay/hall.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

// A large payload leaves from where it was received.

namespace asio = boost::asio;

namespace {

/// Memory that came from a transport, and what was sent over one.
struct traffic {
  std::vector<antiphon::slice> received;  // pins all of it, so that no address is used twice
  std::string sent;
  std::vector<std::string_view> parts;

  bool holds(std::string_view part) const {
    return std::ranges::any_of(received, [part](const antiphon::slice& block) {
      const std::less_equal<const char*> before;
      return before(block.data(), part.data()) &&
             before(part.data() + part.size(), block.data() + block.size());
    });
  }
};

/// Brings its input in one piece, and ends once `enough` bytes were sent somewhere.
class staged final : public antiphon::transport {
 public:
  staged(executor_type executor, std::string input, traffic& in, traffic& out)
      : executor_(std::move(executor)), input_(std::move(input)), in_(&in), out_(&out), ended_(executor_) {
    ended_.expires_at(asio::steady_timer::time_point::max());
  }

  antiphon::buffer acquire(std::size_t at_least) override {
    return antiphon::buffer::allocate(std::max(at_least, input_.size() + 4096));
  }
  asio::awaitable<std::size_t> receive_into(antiphon::buffer& into) override {
    const std::size_t count = std::min(into.space().size(), input_.size());
    if (count == 0) {
      auto waiting = ended_.async_wait(asio::as_tuple(asio::deferred));
      co_await std::move(waiting);
      co_return 0;
    }
    std::memcpy(into.space().data(), input_.data(), count);
    const std::string_view there(into.space().data(), count);
    input_.erase(0, count);
    into.commit(count);
    in_->received.push_back(into.share(there));
    co_return count;
  }
  asio::awaitable<void> send(std::span<const std::string_view> parts) override {
    for (const std::string_view part : parts) {
      out_->parts.push_back(part);
      out_->sent += part;
    }
    if (staged* const next = std::exchange(next_, nullptr)) next->ended_.cancel();
    co_return;
  }
  void close() noexcept override { ended_.cancel(); }
  executor_type get_executor() override { return executor_; }
  /// Ends when this one has sent.
  void then_end(staged& other) noexcept { next_ = &other; }

 private:
  executor_type executor_;
  std::string input_;
  traffic* in_;
  traffic* out_;
  asio::steady_timer ended_;
  staged* next_ = nullptr;
};

std::string framed(const std::string& text) {
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

}  // namespace

TEST_CASE("a payload of a MiB is not copied on its way through the relay") {
  const std::string payload = "[\"" + std::string(1 << 20, 'x') + "\",\n 2]";
  asio::io_context io(1);
  support::relay::broker hub;
  support::relay::target& to = hub.add("s");
  traffic client_in;
  traffic server_out;
  traffic unused;
  auto from_client = std::make_unique<staged>(
      io.get_executor(), framed(R"({"jsonrpc":"2.0","id":"a","method":"s/echo","params":)" + payload + "}"),
      client_in, unused);
  auto to_server = std::make_unique<staged>(io.get_executor(), "", unused, server_out);
  to_server->then_end(*from_client);
  antiphon::endpoint_options options;
  options.drain_timeout = std::chrono::milliseconds(0);
  antiphon::endpoint server(std::move(to_server), hub.target_routes(to));
  antiphon::endpoint client(std::move(from_client), hub.client_routes(), options);
  to.attach(server);
  asio::co_spawn(io, server.run(),
                 [](std::exception_ptr failure, const antiphon::ended&) { CHECK(!failure); });
  asio::co_spawn(io, client.run(), [&](std::exception_ptr failure, const antiphon::ended&) {
    CHECK(!failure);
    server.close();
  });
  support::drain(io);
  const std::string expected = framed(R"({"jsonrpc":"2.0","id":1,"method":"echo","params":)" + payload + "}");
  CHECK(server_out.sent.starts_with(expected));
  std::size_t in_place = 0;
  for (const std::string_view part : server_out.parts) {
    if (client_in.holds(part)) in_place += part.size();
  }
  CHECK(in_place == payload.size());
}
