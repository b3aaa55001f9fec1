"""R17, R19 and R20: handlers that throw, calls in both directions, order of notifications."""

import random

from connection import ABSENT, brief, check, check_error, check_result, is_response, request, same
from harness import LISTENERS, case
from messages import cancel


# R17


@case("R17: a handler that throws gives -32603 for that request only, without internals")
def _(t):
    connection = t.connect()
    connection.send(request("sleep", {"ms": 100}, "other"))
    for id in range(100):
        message = connection.call("throw", [], id)
        check_error(message, -32603, id)
        said = str(message["error"].get("data", "")) + message["error"]["message"]
        for word in ("std::", "boost", ".cpp", ".hpp", "0x", "what()", "runtime_error", "secret", "/"):
            check(word not in said.lower(), f"internals in the error: {message}")
    check_result(connection.response("other"), 100, "other")
    connection.expect_alive()


@case("R17: an error that a handler chooses comes out as it is")
def _(t):
    connection = t.connect()
    for error in (
        {"code": 1, "message": "m"}, {"code": -1, "message": "", "data": None}, {"code": 0, "message": "é😀\u2028\"\\\n\0", "data": "d"},
        {"code": -32001, "message": "server", "data": {"a": [1, 2.5, 2**64 - 1, -(2**63), True, None, {"": ""}]}},
        {"code": 2**31 - 1, "message": "big", "data": []}, {"code": -(2**31), "message": "small", "data": 0},
    ):
        message = connection.call("fail", error)
        check("error" in message, brief(message))
        wanted = dict(error)
        if "data" in wanted and wanted["data"] is None:  # null data and none are one thing to many
            wanted.pop("data")
            message["error"].pop("data", None)
        check(same(message["error"], wanted), f"{error} was due: {brief(message)}")
    for code in (2**31, -(2**31) - 1, 2**63 - 1, 2**64):
        error = connection.call("fail", {"code": code, "message": "wide"})["error"]
        check(error["code"] in (code, -32602), f"code {code} came out as {error['code']}")


# R19


def call_back(params, id):
    return request("call_back", {"method": "client/method", "params": params}, id)


def server_request(connection, method="client/method"):
    message = connection.receive()
    check(
        isinstance(message, dict) and message.get("method") == method,
        f"a call of {method} was due: {brief(message)}",
    )
    check("id" in message, f"a call that can't be answered: {brief(message)}")
    check(isinstance(message["id"], str) or type(message["id"]) is int, f"an odd id: {brief(message)}")
    return message


def answer(message, result):
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


@case("R19: a call back reaches the client and its answer comes out as the result")
def _(t):
    connection = t.connect()
    for value in ([1, "two", {"three": None}], {"a": 2**64 - 1, "b": -(2**63), "c": 0.1}, [], {}):
        connection.send(call_back(value, "mine"))
        called = server_request(connection)
        check(same(called.get("params"), value), f"params {value} were due: {brief(called)}")
        result = [value, "é😀\0"]
        connection.send(answer(called, result))
        check_result(connection.receive(), result, "mine")
    for value in (None, 0, "", False, 1.5):
        connection.send(call_back([], "mine"))
        connection.send(answer(server_request(connection), value))
        check_result(connection.receive(), value, "mine")
    connection.send(request("call_back", {"method": "client/bare"}, 1))
    called = server_request(connection, "client/bare")
    check(called.get("params", []) in ([], {}, None), f"no params were due: {brief(called)}")
    connection.send(answer(called, 1))
    check_result(connection.receive(), 1, 1)
    connection.send(request("call_back", ["client/position", [1]], 1))
    called = server_request(connection, "client/position")
    connection.send(answer(called, 2))
    check_result(connection.receive(), 2, 1)
    connection.expect_alive()


@case("R19: a call back that the client refuses ends as an error of its request only")
def _(t):
    connection = t.connect()
    for error in (
        {"code": -32601, "message": "none"},
        {"code": 5, "message": "five", "data": [1]},
        {"code": -32603, "message": ""},
    ):
        connection.send(call_back([], 1), request("sleep", {"ms": 1}, 2))
        called = server_request(connection)
        connection.send({"jsonrpc": "2.0", "id": called["id"], "error": error})
        message = connection.response(1)
        check_error(message, message["error"]["code"] if "error" in message else 0, 1)
        check_result(connection.response(2), 1, 2)
    connection.expect_alive()


@case("R19: fifty call backs at once have unique ids and their answers correlate in any order")
def _(t):
    connection = t.connect("--max-in-flight", 100)
    chance = random.Random(19)
    connection.send(*(call_back([number], number) for number in range(50)))
    called = [server_request(connection) for _ in range(50)]
    check(
        len({(type(item["id"]), item["id"]) for item in called}) == 50,
        f"ids repeat: {[item['id'] for item in called]}",
    )
    check(sorted(item["params"][0] for item in called) == list(range(50)), "not every call back came once")
    chance.shuffle(called)
    single, batch = called[:25], called[25:]
    connection.send(*(answer(item, {"n": item["params"][0]}) for item in single))
    connection.send([answer(item, {"n": item["params"][0]}) for item in batch])
    for _ in range(50):
        message = connection.receive()
        check_result(message, {"n": message["id"]}, message["id"])
    connection.expect_alive()


@case("R19: the server's ids and the client's are separate, and an answer's type counts")
def _(t):
    connection = t.connect("--max-in-flight", 100)
    connection.send(call_back([], "first"))
    called = server_request(connection)
    id = called["id"]
    check_result(connection.call("echo", ["same id"], id), ["same id"], id)
    connection.send(
        request("sleep", {"ms": 1}, id), call_back(["again"], id + 1 if isinstance(id, int) else id + "x")
    )
    check_result(connection.response(id), 1, id)
    second = server_request(connection)
    other = str(id) if isinstance(id, int) else (int(id) if id.isdigit() else 1)
    wrong = [
        {"jsonrpc": "2.0", "id": wrong, "result": "wrong"} for wrong in (other, None, [id], {"id": id}, True)
    ]
    connection.send(*wrong)
    connection.expect_alive("answers with other ids are nobody's")
    connection.send(answer(called, "right"), answer(called, "twice"))
    check_result(connection.receive(), "right", "first")
    connection.expect_alive("the second answer is nobody's")
    connection.send(answer(second, "second"))
    check_result(connection.receive(), "second", id + 1 if isinstance(id, int) else id + "x")


@case("R19: a malformed answer to a call back is harmless")
def _(t):
    connection = t.connect()
    for malformed in (
        {"error": "boo"},
        {"error": {"message": 5}},
        {"error": None},
        {"result": 1, "error": {"code": 1, "message": "m"}},
        {"error": []},
    ):
        connection.send(call_back([], 1))
        called = server_request(connection)
        connection.send({"jsonrpc": "2.0", "id": called["id"], **malformed}, answer(called, "good"))
        message = connection.receive()
        check(is_response(message) and message["id"] == 1, f"one answer was due: {brief(message)}")
        connection.expect_alive("one answer")


@case("R19: a cancelled call back is answered once, its late answer ignored")
def _(t):
    connection = t.connect()
    connection.send(call_back([], 1))
    called = server_request(connection)
    connection.send(cancel(1))
    check_error(connection.response(1), -32800, 1)
    connection.send(answer(called, "late"))
    for message in connection.stash:  # telling the client is the server's right
        check(message.get("method") == "$/cancelRequest" and "id" not in message, brief(message))
    connection.stash.clear()
    connection.send(request("echo", [1], 2))
    check_result(connection.response(2), [1], 2)


@case(
    "R19: calls nest twenty deep, each side waiting on the other, with room for a hundred and for one",
    seconds=60,
)
def _(t):
    for options in (("--max-in-flight", 100), ("--max-in-flight", 1, "--overload", "wait")):
        connection = t.connect(*options)
        waiting = []
        for depth in range(20):
            connection.send(call_back([depth], depth))
            waiting.append(server_request(connection))
            check(waiting[-1]["params"] == [depth], brief(waiting[-1]))
        check_result(connection.call("echo", ["inside"], "x"), ["inside"], "x")
        for depth in reversed(range(20)):
            connection.send(answer(waiting[depth], depth))
            check_result(connection.receive(), depth, depth)
        connection.expect_alive()


@case("R19: a call back nobody answers ends with its connection", transports=LISTENERS)
def _(t):
    server = t.start()
    for _ in range(20):
        connection = server.connect()
        connection.send(call_back([], 1))
        server_request(connection)
        connection.close()
    server.expect_serving()


@case("R19: call backs and requests of both sides mix")
def _(t):
    connection = t.connect("--max-in-flight", 1000)
    chance = random.Random(91)
    open_ = {}
    for id in range(300):
        if chance.random() < 0.5:
            connection.send(call_back([id], id))
            open_[id] = {"back": id}
        else:
            connection.send(request("echo", [id], id))
            open_[id] = [id]
    while open_:
        message = connection.receive()
        if "method" in message:
            connection.send(answer(message, {"back": message["params"][0]}))
        else:
            check_result(message, open_.pop(message["id"], ABSENT), message["id"])
    connection.expect_alive()


# R20


@case("R20: notifications are handled in arrival order, ahead of the requests behind them")
def _(t):
    connection = t.connect()
    messages = []
    for number in range(300):
        messages += [request("bump"), request("count", id=number)]
    connection.send(*messages)
    for number in range(300):
        check_result(connection.response(number), number + 1, number)
    connection.send(
        [
            request("bump"),
            request("count", id="a"),
            request("bump"),
            request("bump"),
            request("count", id="b"),
        ]
    )
    batch = {item["id"]: item["result"] for item in connection.receive()}
    check(batch == {"a": 301, "b": 303}, f"301 and 303 were due: {batch}")


@case("R20: ten thousand notifications in one stream are all handled")
def _(t):
    connection = t.connect()
    connection.send_raw(connection.frame(request("bump")) * 10_000)
    check_result(connection.call("count", id=1, seconds=20), 10_000, 1)
