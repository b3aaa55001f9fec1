// What has to be one and the same on both sides of a shared library's boundary: exceptions, error categories, and
// what Asio keeps in variables of its own. The program starts itself as its server, and runs the io_context.

#include <antiphon/antiphon.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

namespace asio = boost::asio;

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "boundary: not so: %s\n", what);
}

class refusal : public antiphon::rpc_error {
 public:
  refusal() : rpc_error(-32050, "not today", boost::json::value(7)) {}
};

asio::awaitable<antiphon::ended> serve() {
  antiphon::router routes;
  routes.on_request("refuse", [](int) -> int { throw refusal(); });
  routes.on_request("stumble", [](int) -> int { throw std::runtime_error("a stone"); });
  routes.on_request("double", [](int what) { return 2 * what; });
  antiphon::endpoint peer(co_await antiphon::open_stdio(), std::move(routes));
  co_return co_await peer.run();
}

asio::awaitable<void> talk(antiphon::endpoint& server) {
  // Thrown here, over there: the library has to know it for what it is.
  try {
    auto refused = server.call<int>("refuse", 1);
    co_await std::move(refused);
    expect(false, "a refusal is thrown");
  } catch (const antiphon::rpc_error& error) {
    expect(error.value() == -32050 && error.message() == "not today", "the refusal's code and message");
    expect(error.code().category() == antiphon::rpc_category(), "rpc_category() is one object");
    expect(error.data() && error.data()->decode<int>() == 7, "the refusal's data");
  }
  auto stumbled = server.try_call<int>("stumble", 1);
  const auto result = co_await std::move(stumbled);
  expect(result.has_error() && result.error().code.value() == -32603, "a handler's exception is -32603");
  // Thrown by the library, as its base class and by its base's base.
  try {
    auto misread = server.call<std::string>("double", 1);
    co_await std::move(misread);
    expect(false, "a wrong type is thrown");
  } catch (const boost::system::system_error& error) {
    expect(error.code() == antiphon::errc::wrong_type, "errc::wrong_type is itself");
  }
  try {
    auto refused = server.call<int>("refuse", 1);
    co_await std::move(refused);
  } catch (const std::exception& error) {
    expect(dynamic_cast<const antiphon::rpc_error*>(&error) != nullptr, "a dynamic_cast finds rpc_error");
  }
  for (int round = 0; round < 100; ++round) {
    auto asked = server.call<int>("double", round);
    const int doubled = co_await std::move(asked);
    expect(doubled == 2 * round, "an answer through pipes");
  }
}

/// Fails in its own way, with a code whose category Asio compares by address.
class broken_transport final : public antiphon::transport {
 public:
  explicit broken_transport(antiphon::transport_ptr over) : over_(std::move(over)) {}
  antiphon::buffer acquire(std::size_t at_least) override { return over_->acquire(at_least); }
  asio::awaitable<std::size_t> receive_into(antiphon::buffer&) override {
    throw boost::system::system_error(asio::error::eof);
  }
  asio::awaitable<void> send(std::span<const std::string_view> parts) override { return over_->send(parts); }
  void close() noexcept override { over_->close(); }
  executor_type get_executor() override { return over_->get_executor(); }

 private:
  antiphon::transport_ptr over_;
};

asio::awaitable<void> start(std::string program) {
  antiphon::command itself(std::move(program));
  itself.arg("serve");
  antiphon::endpoint server(co_await antiphon::spawn(std::move(itself)));
  const antiphon::ended how = co_await server.run(talk);
  expect(how.reason == antiphon::end_reason::closed_here, "the conversation was ended here");

  auto ends = antiphon::make_memory_pipe(co_await asio::this_coro::executor);
  antiphon::endpoint broken(std::make_unique<broken_transport>(std::move(ends.first)));
  const antiphon::ended failed = co_await broken.run();
  expect(failed.error == asio::error::eof, "Asio's category is one object");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "serve") return antiphon::run_main(serve());
  asio::io_context context(1);
  asio::co_spawn(context, start(argv[0]), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
  return failures == 0 ? 0 : 1;
}
