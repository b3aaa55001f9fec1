#include "tests/unit/relay/hall.hpp"

#include <antiphon/relay/sharing.hpp>

// One language server for several clients.

using support::awaitable;
using support::expect;
using support::hear;
using support::id_of;
using support::json;
using support::say;
using support::wire;

namespace {

std::string request(std::string id, std::string method, std::string params = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}";
}
std::string notification(std::string method, std::string params) {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}";
}
std::string result(std::string id, std::string value) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":)" + value + "}";
}
std::string opened(std::string uri, int version, std::string text) {
  return notification("textDocument/didOpen", R"({"textDocument":{"uri":")" + uri +
                                                  R"(","languageId":"c","version":)" +
                                                  std::to_string(version) + R"(,"text":")" + text + "\"}}");
}
std::string closed(std::string uri) {
  return notification("textDocument/didClose", R"({"textDocument":{"uri":")" + uri + "\"}}");
}

/// A shared server and its clients.
class house {
 public:
  house() : shared("clangd"), server(add(shared.server_routes())) { shared.server().attach(last().endpoint); }

  wire& client() {
    wire& made = add(shared.client_routes());
    places.push_back(shared.join(last().endpoint));
    return made;
  }
  /// One that has initialized already.
  awaitable<void> introduce(wire& one, bool first) {
    co_await say(one, request("0", "initialize", R"({"processId":1})"));
    if (first) {
      co_await expect(server, request("1", "initialize", R"({"processId":1})"));
      co_await say(server, result("1", R"({"capabilities": {} })"));
    }
    co_await expect(one, result("0", R"({"capabilities": {} })"));
    co_await say(one, notification("initialized", "{}"));
    if (first) co_await expect(server, notification("initialized", "{}"));
  }
  void play(std::function<awaitable<void>()> script) { h.play(std::move(script)); }

 private:
  wire& add(antiphon::router routes) {
    party_ = &h.add(std::move(routes), support::in_lines());
    return party_->wire;
  }
  support::party& last() { return *party_; }

  support::hall h;
  support::party* party_ = nullptr;

 public:
  support::relay::shared_server shared;
  wire& server;
  std::deque<support::relay::shared_client> places;
};

}  // namespace

TEST_CASE("initialize is asked once and answered to all, also to those that ask meanwhile") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  wire& three = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(one, request("1", "textDocument/hover"));
    const std::string early = co_await hear(one);
    CHECK(early.find("-32002") != early.npos);
    co_await say(one, request("1", "initialize", R"({"a":1})"));
    co_await expect(h.server, request("1", "initialize", R"({"a":1})"));
    co_await say(two, request("\"x\"", "initialize", R"({"b":1})"));
    auto settling = support::settle();
    co_await std::move(settling);
    co_await say(h.server, result("1", R"({"capabilities": {} })"));
    co_await expect(one, result("1", R"({"capabilities": {} })"));
    co_await expect(two, result("\"x\"", R"({"capabilities": {} })"));
    co_await say(three, request("7", "initialize"));
    co_await expect(three, result("7", R"({"capabilities": {} })"));
    co_await say(one, notification("initialized", "{}"));
    co_await expect(h.server, notification("initialized", "{}"));
    co_await say(two, notification("initialized", "{}"));
    co_await say(two, request("1", "workspace/symbol"));
    co_await expect(h.server, request("2", "workspace/symbol"));
    co_await say(one, request("1", "workspace/symbol"));
    co_await expect(h.server, request("3", "workspace/symbol"));
    co_await say(h.server, result("3", "3"));
    co_await say(h.server, result("2", "2"));
    co_await expect(one, result("1", "3"));
    co_await expect(two, result("1", "2"));
  });
}

TEST_CASE("a client's shutdown and exit end its connection and nobody else's") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    co_await h.introduce(two, false);
    co_await say(one, request("1", "shutdown"));
    co_await expect(one, result("1", "null"));
    co_await say(one, request("2", "textDocument/hover"));
    const std::string refused = co_await hear(one);
    CHECK(refused.find("-32600") != refused.npos);
    co_await say(one, notification("exit", "{}"));
    co_await expect(one, "");
    co_await say(two, request("1", "workspace/symbol"));
    co_await expect(h.server, request("2", "workspace/symbol"));
  });
}

TEST_CASE("a document that two have open is the first one's, and then the other one's as he has it") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    co_await h.introduce(two, false);
    co_await say(one, opened("file:///a", 1, "one"));
    co_await expect(h.server, opened("file:///a", 1, "one"));
    const std::string diagnostics =
        notification("textDocument/publishDiagnostics", R"({"uri":"file:///a","diagnostics":[ ]})");
    co_await say(h.server, diagnostics);
    co_await expect(one, diagnostics);
    co_await say(two, opened("file:///a", 5, "x\\ny\xC3\xA4z"));
    co_await expect(two, diagnostics);
    co_await say(h.server, diagnostics);
    co_await expect(one, diagnostics);
    co_await expect(two, diagnostics);
    co_await say(two,
                 notification("textDocument/didChange",
                              R"({"textDocument":{"uri":"file:///a","version":6},"contentChanges":[)"
                              R"({"range":{"start":{"line":1,"character":2},"end":{"line":1,"character":3}},)"
                              R"("text":"END"}]})"));
    const std::string mine = notification(
        "textDocument/didChange",
        R"({"textDocument":{"uri":"file:///a","version":2},"contentChanges":[{"text":"one!"}]})");
    co_await say(two, request("1", "workspace/symbol"));
    co_await expect(h.server, request("2", "workspace/symbol"));  // so his change hasn't come
    co_await say(one, mine);
    co_await expect(h.server, mine);
    // What the server asks about the document goes to its owner.
    co_await say(h.server, request("9", "ask", R"({"textDocument":{"uri":"file:///a"}})"));
    co_await expect(one, request("1", "ask", R"({"textDocument":{"uri":"file:///a"}})"));
    co_await say(one, closed("file:///a"));
    co_await expect(h.server, closed("file:///a"));
    co_await expect(h.server, opened("file:///a", 6,
                                     "x\\ny\xC3\xA4"
                                     "END"));
    co_await say(h.server, diagnostics);
    co_await expect(two, diagnostics);
    co_await say(two, closed("file:///a"));
    co_await expect(h.server, closed("file:///a"));
    // Nobody has it open: all are told.
    co_await say(h.server, diagnostics);
    co_await expect(one, diagnostics);
    co_await expect(two, diagnostics);
  });
}

TEST_CASE("who leaves closes what he had open") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    co_await h.introduce(two, false);
    co_await say(one, opened("file:///a", 1, "a"));
    co_await say(one, opened("file:///b", 1, "b"));
    co_await hear(h.server);
    co_await hear(h.server);
    co_await say(two, opened("file:///b", 3, "his"));
    auto settling = support::settle();
    co_await std::move(settling);
    h.places.pop_front();
    co_await expect(h.server, closed("file:///a"));
    co_await expect(h.server, closed("file:///b"));
    co_await expect(h.server, opened("file:///b", 3, "his"));
    CHECK(h.shared.clients() == 1);
  });
}

TEST_CASE("progress goes to the client whose token it names, though two have chosen the same") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    co_await h.introduce(two, false);
    const std::string params = R"({"workDoneToken": 1,"q":"a" ,"partialResultToken":"p"})";
    co_await say(one, request("1", "workspace/symbol", params));
    co_await expect(h.server, request("2", "workspace/symbol", params));
    co_await say(two, request("1", "workspace/symbol", params));
    const std::string renamed = co_await hear(h.server);
    CHECK(renamed ==
          request("3", "workspace/symbol",
                  R"({"workDoneToken": "antiphon/1","q":"a" ,"partialResultToken":"antiphon/2"})"));
    co_await say(h.server, notification("$/progress", R"({"token":1,"value":"for one"})"));
    co_await expect(one, notification("$/progress", R"({"token":1,"value":"for one"})"));
    co_await say(h.server, notification("$/progress", R"({"value":"for two","token":"antiphon/2"})"));
    co_await expect(two, notification("$/progress", R"({"value":"for two","token":"p"})"));
    co_await say(two, notification("window/workDoneProgress/cancel", R"({"token":1})"));
    co_await expect(h.server, notification("window/workDoneProgress/cancel", R"({"token":"antiphon/1"})"));
    co_await say(two, notification("$/cancelRequest", R"({"id":1})"));
    co_await expect(h.server, notification("$/cancelRequest", R"({"id":3})"));
    co_await say(h.server, result("3", "[]"));
    co_await expect(two, result("1", "[]"));
    // Its tokens are free again.
    co_await say(h.server, result("2", "[]"));
    co_await expect(one, result("1", "[]"));
    co_await say(two, request("2", "workspace/symbol", params));
    co_await expect(h.server, request("4", "workspace/symbol", params));
    // A progress of the server's own is the client's that it was created at.
    co_await say(h.server, request("1", "window/workDoneProgress/create", R"({"token":"index"})"));
    co_await expect(one, request("1", "window/workDoneProgress/create", R"({"token":"index"})"));
    co_await say(one, result("1", "null"));
    co_await expect(h.server, result("1", "null"));
    co_await say(h.server, notification("$/progress", R"({"token":"index","value":1})"));
    co_await expect(one, notification("$/progress", R"({"token":"index","value":1})"));
    co_await say(h.server, notification("window/logMessage", R"({"type":4,"message":"all"})"));
    co_await expect(one, notification("window/logMessage", R"({"type":4,"message":"all"})"));
    co_await expect(two, notification("window/logMessage", R"({"type":4,"message":"all"})"));
  });
}

TEST_CASE("when the shared server ends, all clients' connections do, and a new one starts afresh") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    co_await say(one, request("1", "workspace/symbol"));
    co_await hear(h.server);
    h.shared.end("killed");
    const std::string failed = co_await hear(one);
    CHECK(failed.find(R"("id":1,"error":{"code":-32010)") != failed.npos);
    co_await expect(one, "");
    co_await expect(two, "");
    CHECK(h.shared.clients() == 0);
  });
}
