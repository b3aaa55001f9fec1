#include "tests/unit/relay/hall.hpp"

// By what a target is found, and that what is passed on stays as it was.

using support::awaitable;
using support::expect;
using support::hall;
using support::hear;
using support::id_of;
using support::say;
using support::wire;

TEST_CASE("a method's prefix names the target, which is asked for the rest") {
  hall h;
  wire& files = h.up("files");
  wire& sqlite = h.up("sqlite");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, R"({"jsonrpc":"2.0","id":"a","method":"sqlite/query/all","params":[1]})");
    const std::string asked = co_await hear(sqlite);
    CHECK(asked == R"({"jsonrpc":"2.0","id":1,"method":"query/all","params":[1]})");
    co_await say(sqlite, R"({"jsonrpc":"2.0","id":1,"result":{"rows":2}})");
    co_await expect(client, R"({"jsonrpc":"2.0","id":"a","result":{"rows":2}})");
    co_await say(client, R"({"jsonrpc":"2.0","id":"b","method":"files/read"})");
    co_await expect(files, R"({"jsonrpc":"2.0","id":1,"method":"read"})");
    CHECK(h.hub.find("sqlite")->stats().results == 1);
    CHECK(h.hub.find("files")->stats().in_flight == 1);
  });
}

TEST_CASE("the prefix stays where it isn't to be stripped, and a separator may be longer") {
  support::relay::broker_options options;
  options.prefix_separator = "::";
  options.strip_prefix = false;
  hall h(options);
  wire& sqlite = h.up("sqlite");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, R"({"jsonrpc":"2.0","id":1,"method":"sqlite::query"})");
    co_await expect(sqlite, R"({"jsonrpc":"2.0","id":1,"method":"sqlite::query"})");
  });
}

TEST_CASE("a member of the params names the target, wherever it stands and however it is written") {
  hall h;
  wire& files = h.up("files");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    const std::string params = R"({"path":"a/b","target" : "f\u0069les","more":[{"target":"x"}]})";
    co_await say(client, R"({"jsonrpc":"2.0","id":1,"method":"read","params":)" + params + "}");
    co_await expect(files, R"({"jsonrpc":"2.0","id":1,"method":"read","params":)" + params + "}");
    co_await say(client, R"({"jsonrpc":"2.0","method":"touch","params":{"target":"files"}})");
    co_await expect(files, R"({"jsonrpc":"2.0","method":"touch","params":{"target":"files"}})");
  });
}

TEST_CASE("a user's function chooses first, and may rename the method") {
  support::relay::broker_options options;
  support::relay::target* chosen = nullptr;
  options.choose = [&chosen](const antiphon::call_context& message) {
    support::relay::choice found;
    if (message.method() == "ask") found = {chosen, "renamed"};
    if (message.method() == "secret") throw antiphon::rpc_error(-5, "not for you");
    return found;
  };
  hall h(options);
  wire& files = h.up("files");
  wire& client = h.client();
  chosen = h.hub.find("files");
  h.play([&]() -> awaitable<void> {
    co_await say(client, R"({"jsonrpc":"2.0","id":1,"method":"ask"})");
    co_await expect(files, R"({"jsonrpc":"2.0","id":1,"method":"renamed"})");
    co_await say(client, R"({"jsonrpc":"2.0","id":2,"method":"files/ask"})");
    co_await expect(files, R"({"jsonrpc":"2.0","id":2,"method":"ask"})");
    co_await say(client, R"({"jsonrpc":"2.0","id":3,"method":"secret"})");
    co_await expect(client, R"({"jsonrpc":"2.0","id":3,"error":{"code":-5,"message":"not for you"}})");
  });
}

TEST_CASE("who names a target that there isn't, or none, is told") {
  hall h;
  h.up("files");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client, R"({"jsonrpc":"2.0","id":1,"method":"read","params":{"target":"disk"}})");
    co_await expect(
        client,
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32011,"message":"no target \"disk\"","data":{"target":"disk"}}})");
    co_await say(client, R"({"jsonrpc":"2.0","id":2,"method":"disk/read"})");
    co_await expect(
        client,
        R"({"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"method not found, and no target named"}})");
    co_await say(client, R"({"jsonrpc":"2.0","method":"disk/read"})");
    co_await say(client, R"({"jsonrpc":"2.0","id":3,"method":"disk/read"})");
    co_await hear(client);
    CHECK(h.hub.stats().unknown_target == 1);
    CHECK(h.hub.stats().without_target == 2);
    CHECK(h.hub.stats().notifications_dropped == 1);
  });
}

TEST_CASE("params, result and error are passed on byte for byte") {
  hall h;
  wire& server = h.up("s");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    const std::string odd =
        "{ \"a\\u0062\" :\t[ 1.0e+2,-0 , 12345678901234567890123 ],\"\\/\":\"\\ud83d\\ude00 "
        "\xF0\x9F\x98\x80\" ,  \"a\":null,\"a\":1}";
    co_await say(client, R"( { "id" : 7 ,"params":)" + odd +
                             R"(, "jsonrpc":"2.0","extra":1,"method":"s\u002fm\"x" } )");
    co_await expect(server, R"({"jsonrpc":"2.0","id":1,"method":"m\"x","params":)" + odd + "}");
    co_await say(server, R"({"id":1, "result" : )" + odd + R"(  ,"jsonrpc":"2.0"})");
    co_await expect(client, R"({"jsonrpc":"2.0","id":7,"result":)" + odd + "}");
    co_await say(client, R"({"jsonrpc":"2.0","id":"\u0041","method":"s/m"})");
    co_await hear(server);
    const std::string error = R"({"data": [ 1 ,2], "message":"\u00e4",  "code":-7, "more":true })";
    co_await say(server, R"({"jsonrpc":"2.0","id":2,"error":)" + error + "}");
    co_await expect(client, R"({"jsonrpc":"2.0","id":"\u0041","error":)" + error + "}");
    CHECK(h.hub.find("s")->stats().errors == 1);
  });
}

TEST_CASE("clients that use the same ids get each his own answer, in whatever order they come") {
  hall h;
  wire& server = h.up("s");
  wire& one = h.client();
  wire& two = h.client();
  h.play([&]() -> awaitable<void> {
    std::string first;
    std::string second;
    for (int i = 0; i < 20; ++i) {
      co_await say(one, R"({"jsonrpc":"2.0","id":1,"method":"s/m","params":["one"]})");
      first = co_await hear(server);
      co_await say(two, R"({"jsonrpc":"2.0","id":1,"method":"s/m","params":["two"]})");
      second = co_await hear(server);
      CHECK(id_of(first) != id_of(second));
      co_await say(server, R"({"jsonrpc":"2.0","id":)" + id_of(second) + R"(,"result":"two"})");
      co_await expect(two, R"({"jsonrpc":"2.0","id":1,"result":"two"})");
      co_await say(server, R"({"jsonrpc":"2.0","id":)" + id_of(first) + R"(,"result":"one"})");
      co_await expect(one, R"({"jsonrpc":"2.0","id":1,"result":"one"})");
    }
    // An id in flight is refused, as without a relay.
    co_await say(one, R"({"jsonrpc":"2.0","id":1,"method":"s/m"})");
    first = co_await hear(server);
    co_await say(one, R"({"jsonrpc":"2.0","id":1,"method":"s/m"})");
    co_await expect(
        one,
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"a request with this id is in flight"}})");
    co_await say(server, R"({"jsonrpc":"2.0","id":)" + id_of(first) + R"(,"result":0})");
    co_await expect(one, R"({"jsonrpc":"2.0","id":1,"result":0})");
  });
}

TEST_CASE("the members of a batch go to their targets, and their answers come back as one") {
  hall h;
  wire& files = h.up("files");
  wire& sqlite = h.up("sqlite");
  wire& client = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(client,
                 R"([{"jsonrpc":"2.0","id":1,"method":"files/a"},{"jsonrpc":"2.0","method":"files/n"},)"
                 R"({"jsonrpc":"2.0","id":2,"method":"sqlite/b"},{"jsonrpc":"2.0","id":3,"method":"no"}])");
    co_await expect(files, R"({"jsonrpc":"2.0","id":1,"method":"a"})");
    co_await expect(files, R"({"jsonrpc":"2.0","method":"n"})");
    co_await expect(sqlite, R"({"jsonrpc":"2.0","id":1,"method":"b"})");
    co_await say(sqlite, R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}})");
    co_await say(files, R"({"jsonrpc":"2.0","id":1,"result": [1] })");
    const std::string answers = co_await hear(client);
    CHECK(support::json(answers).as_array().size() == 3);
    CHECK(answers.find(R"({"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"x"}})") != answers.npos);
    CHECK(answers.find(R"({"jsonrpc":"2.0","id":1,"result":[1]})") != answers.npos);
    CHECK(answers.find(R"("id":3,"error":{"code":-32601)") != answers.npos);
  });
}

TEST_CASE("what a target sends goes to another one that it names, or else to the clients") {
  hall h;
  wire& files = h.up("files");
  wire& sqlite = h.up("sqlite");
  wire& one = h.client();
  h.play([&]() -> awaitable<void> {
    co_await say(files, R"({"jsonrpc":"2.0","id":5,"method":"sqlite/m","params":[ 1]})");
    co_await expect(sqlite, R"({"jsonrpc":"2.0","id":1,"method":"m","params":[ 1]})");
    co_await say(sqlite, R"({"jsonrpc":"2.0","id":1,"result":true})");
    co_await expect(files, R"({"jsonrpc":"2.0","id":5,"result":true})");
    // A request to the only client, under an id of the relay's.
    co_await say(files, R"({"jsonrpc":"2.0","id":5,"method":"ask/user"})");
    co_await expect(one, R"({"jsonrpc":"2.0","id":1,"method":"ask/user"})");
    co_await say(one, R"({"jsonrpc":"2.0","id":1,"result":"yes"})");
    co_await expect(files, R"({"jsonrpc":"2.0","id":5,"result":"yes"})");
    wire& two = h.client();
    co_await say(files, R"({"jsonrpc":"2.0","id":6,"method":"ask/user"})");
    co_await expect(
        files,
        R"({"jsonrpc":"2.0","id":6,"error":{"code":-32601,"message":"method not found, and no target named"}})");
    co_await say(files, R"({"jsonrpc":"2.0","method":"changed","params":{"n" :1}})");
    co_await expect(one, R"({"jsonrpc":"2.0","method":"changed","params":{"n" :1}})");
    co_await expect(two, R"({"jsonrpc":"2.0","method":"changed","params":{"n" :1}})");
    h.members.pop_front();
    co_await say(files, R"({"jsonrpc":"2.0","method":"changed"})");
    co_await expect(two, R"({"jsonrpc":"2.0","method":"changed"})");
    CHECK(h.hub.stats().clients == 1);
  });
}
