#include "tests/support/session.hpp"

#include <antiphon/antiphon.hpp>
#include <antiphon/method_statistics.hpp>
#include <antiphon/middleware.hpp>
#include <antiphon/middleware/authentication.hpp>
#include <antiphon/middleware/concurrency_limit.hpp>
#include <antiphon/middleware/exception_mapping.hpp>
#include <antiphon/middleware/timing.hpp>
#include <antiphon/middleware/tracing.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

// The code of docs/guide/statistics.md, at work.

using support::awaitable;

namespace {

struct no_such_document : std::runtime_error {
  using runtime_error::runtime_error;
};

antiphon::router make_routes() {
  antiphon::router routes;
  routes.on_request("add", [](int a, int b) { return a + b; });
  routes.on_request("open", [](std::string name) -> int { throw no_such_document(name); });
  routes.on_request("login", [](std::string) { return true; });
  return routes;
}

std::string add(int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"add","params":[1,2]})";
}

class slow_handlers final : public antiphon::middleware {
 public:
  slow_handlers(std::ostream& to, std::chrono::milliseconds limit) : to_(to), limit_(limit) {}

  unsigned hooks() const noexcept override { return on_handler_ended; }

  void handler_ended(const antiphon::handler_event& call) override {
    if (call.ran() < limit_) return;
    to_ << call.method << ' ' << call.id << " ran for "
        << std::chrono::duration_cast<std::chrono::milliseconds>(call.ran()).count() << " ms\n";
  }

 private:
  std::ostream& to_;
  std::chrono::milliseconds limit_;
};

class read_only final : public antiphon::middleware {
 public:
  unsigned hooks() const noexcept override { return on_received; }

  void received(const antiphon::message_event& message) override {
    if (message.method().starts_with("write/"))
      throw antiphon::rpc_error(antiphon::rpc_errc::invalid_request, "nothing can be written here");
  }
};

std::optional<antiphon::rpc_error> explain(std::exception_ptr what) {
  try {
    std::rethrow_exception(what);
  } catch (const no_such_document& e) {
    return antiphon::rpc_error(-32010, std::string("no such document: ") + e.what());
  } catch (...) {
    return std::nullopt;  // -32603, as without this
  }
}

}  // namespace

TEST_CASE("statistics guide: figures for each method, and a method that tells them") {
  antiphon::endpoint_options options;
  options.method_statistics = std::make_shared<antiphon::method_statistics>();
  options.statistics_method = "$/statistics";
  support::session session(make_routes(), options);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(add(1));
    auto asking = s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"$/statistics"})");
    const auto answer = co_await std::move(asking);
    CHECK(answer.at("result").at("endpoint").at("results_sent") == 1);
  });
  std::string shown;
  for (const auto& method : options.method_statistics->snapshot()) {
    shown += fmt::format("{}: {} answered, {} failed, p99 {} us\n", method.method, method.answered,
                         method.errors + method.exceptions, method.run.p99_ns / 1000);
  }
  CHECK(shown.find("add: 1 answered, 0 failed, p99 ") != std::string::npos);
}

TEST_CASE("statistics guide: a session is traced") {
  const std::string path = "statistics-guide-session.log";
  {
    std::ofstream file(path);
    antiphon::endpoint_options options;
    options.middleware.push_back(antiphon::tracing::make([&file](std::string_view entry) { file << entry; }));
    support::answer_to(make_routes(), add(1), options);
  }
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  CHECK(line.find(R"("type":"receive-request")") != std::string::npos);
  std::getline(file, line);
  CHECK(line.find(R"("type":"send-response")") != std::string::npos);
  std::remove(path.c_str());
}

TEST_CASE("statistics guide: the middleware that is there") {
  std::map<std::string, int> handled;
  antiphon::endpoint_options options;
  options.middleware = {
      antiphon::authentication::make([](const antiphon::message_event& first) {
        return first.method() == "login" && first.body() == R"(["secret"])";
      }),
      antiphon::concurrency_limit::make({{"render", 2}}),
      antiphon::exception_mapping::make(explain),
      antiphon::timing::make([&handled](std::string_view method, auto /*waited*/, auto /*ran*/,
                                        antiphon::handler_outcome) { ++handled[std::string(method)]; }),
  };
  support::session session(make_routes(), options);
  session.play([&](support::session& s) -> awaitable<void> {
    const auto early = co_await s.peer.ask(add(1));
    CHECK(support::error_message(early) == "not authenticated");
    co_await s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"login","params":["secret"]})");
    const auto sum = co_await s.peer.ask(add(3));
    CHECK(sum.at("result") == 3);
    const auto missing = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":4,"method":"open","params":["x"]})");
    CHECK(support::error_message(missing) == "no such document: x");
  });
  CHECK(handled["add"] == 1);
}

TEST_CASE("statistics guide: middleware of one's own") {
  std::ostringstream slow;
  antiphon::endpoint_options options;
  options.middleware.push_back(std::make_shared<slow_handlers>(slow, std::chrono::milliseconds(0)));
  antiphon::router routes = make_routes();
  routes.use(std::make_shared<read_only>());
  support::session session(std::move(routes), options);
  session.play([&](support::session& s) -> awaitable<void> {
    co_await s.peer.ask(add(1));
    const auto refused = co_await s.peer.ask(R"({"jsonrpc":"2.0","id":2,"method":"write/all"})");
    CHECK(support::error_message(refused) == "nothing can be written here");
  });
  CHECK(slow.str().starts_with("add 1 ran for "));
}
