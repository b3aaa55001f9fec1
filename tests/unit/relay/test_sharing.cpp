#include "tests/unit/relay/hall.hpp"

#include <antiphon/relay/sharing.hpp>

// One language server for several clients.

using support::all_settled;
using support::awaitable;
using support::expect;
using support::hear;
using support::id_of;
using support::json;
using support::request;
using support::result;
using support::say;
using support::wire;

namespace {

std::string notification(std::string method, std::string params) {
  return R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + params + "}";
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
  explicit house(support::relay::sharing_options options = support::relay::sharing_options(),
                 antiphon::endpoint_options to_server = antiphon::endpoint_options())
      : shared("clangd", options), server(new_server(std::move(to_server))) {}

  wire& new_server(antiphon::endpoint_options options = antiphon::endpoint_options()) {
    wire& made = add(shared.server_routes(), std::move(options));
    shared.server().attach(last().endpoint);
    return made;
  }

  wire& client() {
    wire& made = add(shared.client_routes());
    places.push_back(shared.join(last().endpoint));
    return made;
  }
  /// One that has initialized already.
  awaitable<void> introduce(wire& one, bool first, std::string answer = R"({"capabilities": {} })") {
    co_await say(one, request("0", "initialize", R"({"processId":1})"));
    if (first) {
      co_await expect(server, request("1", "initialize", R"({"processId":1})"));
      co_await say(server, result("1", answer));
    }
    co_await expect(one, result("0", answer));
    co_await say(one, notification("initialized", "{}"));
    if (first) co_await expect(server, notification("initialized", "{}"));
  }
  awaitable<void> introduce_both(wire& one, wire& two, std::string answer = R"({"capabilities": {} })") {
    co_await introduce(one, true, answer);
    co_await introduce(two, false, answer);
  }
  void play(std::function<awaitable<void>()> script) { h.play(std::move(script)); }
  boost::asio::io_context& context() { return *h.context; }

 private:
  wire& add(antiphon::router routes, antiphon::endpoint_options options = antiphon::endpoint_options()) {
    party_ = &h.add(std::move(routes), support::in_lines(std::move(options)));
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

awaitable<void> open_many(wire& one, int documents, std::string text) {
  for (int i = 0; i < documents; ++i) co_await say(one, opened("file:///" + std::to_string(i), 1, text));
}

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
    co_await all_settled();
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
    co_await h.introduce_both(one, two);
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
    co_await h.introduce_both(one, two);
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
    co_await h.introduce_both(one, two);
    co_await say(one, opened("file:///a", 1, "a"));
    co_await say(one, opened("file:///b", 1, "b"));
    co_await hear(h.server);
    co_await hear(h.server);
    co_await say(two, opened("file:///b", 3, "his"));
    co_await all_settled();
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
    co_await h.introduce_both(one, two);
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

TEST_CASE("two tokens of one request are both renamed, in whatever order they stand") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce_both(one, two);
    const std::string params = R"({"partialResultToken":"p","workDoneToken":1})";
    co_await say(one, request("1", "workspace/symbol", params));
    co_await expect(h.server, request("2", "workspace/symbol", params));
    co_await say(two, request("1", "workspace/symbol", params));
    co_await expect(h.server, request("3", "workspace/symbol",
                                      R"({"partialResultToken":"antiphon/1","workDoneToken":"antiphon/2"})"));
  });
}

TEST_CASE("a progress of the server's own is nobody's any more after its end") {
  house h;
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce_both(one, two);
    co_await say(h.server, request("1", "window/workDoneProgress/create", R"({"token":"index"})"));
    co_await hear(one);
    for (const char* kind : {"begin", "report", "end"}) {
      const std::string told =
          notification("$/progress", R"({"token":"index","value":{"kind":")" + std::string(kind) + "\"}}");
      co_await say(h.server, told);
      co_await expect(one, told);
    }
    const std::string late = notification("$/progress", R"({"token":"index","value":1})");
    co_await say(h.server, late);
    co_await expect(one, late);
    co_await expect(two, late);
  });
}

TEST_CASE("columns are counted as the server does") {
  // "ä", "€" and "😀" are two, three and four bytes, of UTF-16 one, one and two units; the second client
  // deletes what is behind them.
  const std::string wide = "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
  const auto text_after = [&wide](std::string answer, int column) {
    house h;
    wire& one = h.client();
    wire& two = h.client();
    std::string text;
    h.play([&]() -> awaitable<void> {
      co_await h.introduce_both(one, two, answer);
      co_await say(one, opened("file:///a", 1, "one"));
      co_await hear(h.server);
      co_await say(two, opened("file:///a", 1, wide + "yz"));
      const std::string from = std::to_string(column);
      const std::string to = std::to_string(column + 1);
      co_await say(two,
                   notification("textDocument/didChange",
                                R"({"textDocument":{"uri":"file:///a","version":2},"contentChanges":[)"
                                R"({"range":{"start":{"line":0,"character":)" +
                                    from + R"(},"end":{"line":0,"character":)" + to + R"(}},"text":""}]})"));
      co_await say(one, closed("file:///a"));
      co_await hear(h.server);
      text = co_await hear(h.server);
    });
    return std::string(json(text).at("params").at("textDocument").at("text").as_string());
  };
  CHECK(text_after(R"({"capabilities":{"positionEncoding":"utf-8"}})", 9) == wide + "z");
  CHECK(text_after(R"({"capabilities":{},"offsetEncoding":"utf-8"})", 9) == wide + "z");
  CHECK(text_after(R"({"capabilities":{"positionEncoding":"utf-32"}})", 3) == wide + "z");
  CHECK(text_after(R"({"capabilities":{}})", 4) == wide + "z");
}

TEST_CASE("what clients tell a server that doesn't read is not dropped") {
  support::relay::sharing_options options;
  options.server.max_queued = 2;
  antiphon::endpoint_options narrow;
  narrow.max_outgoing_bytes = 1000;
  house h(options, narrow);
  wire& one = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    constexpr int documents = 40;
    const std::string large(100'000, 'x');
    std::exception_ptr failure;
    support::start(h.context(), open_many(one, documents, large), failure);
    co_await all_settled();
    for (int i = 0; i < documents; ++i)
      co_await expect(h.server, opened("file:///" + std::to_string(i), 1, large));
    CHECK(h.shared.server().stats().notifications_dropped == 0);
    CHECK(failure == nullptr);
  });
}

TEST_CASE("who joins a shared server that is being started anew waits for it") {
  house h;
  wire& one = h.client();
  h.play([&]() -> awaitable<void> {
    co_await h.introduce(one, true);
    h.shared.server().detach("killed", true);
    h.shared.end("killed");
    co_await expect(one, "");
    wire& next = h.client();
    co_await say(next, request("1", "initialize"));
    co_await all_settled();
    CHECK(h.shared.server().stats().queued == 1);
    wire& server = h.new_server();
    co_await expect(server, request("1", "initialize"));
    co_await say(server, result("1", "{}"));
    co_await expect(next, result("1", "{}"));
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
