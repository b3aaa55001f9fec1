"""R13 to R16: ids, requests, notifications, responses and batches; the specification's own examples."""

import json
import os

from connection import ABSENT, brief, check, check_error, check_result, encode, is_response, request, same
from harness import case

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "spec_examples.json"), encoding="utf-8") as _file:
    EXAMPLES = [(example["name"], example["send"], example["expect"]) for example in json.load(_file)]


def shape(message):
    """What an answer says apart from the wording of an error."""
    if "error" in message:
        return json.dumps(["error", message["error"]["code"], message["id"]])
    return json.dumps(["result", message["result"], message["id"]])


@case("R15: the JSON-RPC 2.0 specification's example: {}", table=EXAMPLES)
def _(t, send, expect):
    connection = t.connect()
    connection.send(send.encode())
    if expect is not None:
        answer = connection.receive()
        if isinstance(expect, list):
            check(isinstance(answer, list), f"an array was due: {brief(answer)}")
            check(sorted(map(shape, answer)) == sorted(map(shape, expect)), f"{expect} was due: {brief(answer)}")
        else:
            check(isinstance(answer, dict), f"an object was due: {brief(answer)}")
            check(shape(answer) == shape(expect), f"{expect} was due: {brief(answer)}")
    connection.expect_alive("nothing more")


# R13

EXACT_IDS = [
    "0", "1", "-1", "-0", "2147483647", "2147483648", "-2147483649", "4294967296", "9007199254740993", "-9007199254740993",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551614",
    '""', '"a"', '"0"', '"1"', '"-1"', '"null"', '"true"', '"1.0"', '" "', '"\\u0000"', '"a\\u0000b"', '"\\u0000\\u0000"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u001f\\u007f"', '"\\u0061bc"', '"\\ud83d\\ude00"', '"😀"', '"é€"', '"\u2028\u2029\u0085"',
    '"\\u2028"', '"\U0010ffff"', '"{\\"id\\":1}"', '"]}"', '"\\\\u0041"', '"%s"' % ("long" * 250),
]  # fmt: skip


@case("R13: every string and every integer in [-2^63, 2^64) comes back exactly as an id")
def _(t):
    connection = t.connect()
    for id in EXACT_IDS:
        value = json.loads(id)
        for method, key in (("echo", "result"), ("no_such_method", "error"), ("throw", "error"), ("subtract", "error")):
            connection.send(b'{"jsonrpc":"2.0","id":%s,"method":"%s","params":[]}' % (id.encode(), method.encode()))
            message = connection.receive()
            check(key in message, f"id {id}, {method}: {brief(message)}")
            got = message["id"]
            check(type(got) is type(value) and got == value, f"id {id} came back as {got!r} ({method})")
        connection.send(b'{"jsonrpc":"2.0","method":"echo","params":[],"id" : %s }' % id.encode())
        check(same(connection.receive()["id"], value), f"id {id} as the last member came back changed")


@case("R13: ids come back exactly in a batch and from a handler that waits")
def _(t):
    connection = t.connect("--max-in-flight", 100)
    values = {encode(json.loads(id)): id.encode() for id in EXACT_IDS}  # one spelling of each
    requests = [b'{"jsonrpc":"2.0","id":%s,"method":"sleep","params":{"ms":5}}' % id for id in values.values()]
    connection.send(b"[" + b",".join(requests) + b"]")
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == len(values), f"{len(values)} answers were due: {brief(answer)}")
    for message in answer:
        check(values.pop(encode(message["id"]), ABSENT) is not ABSENT, f"an id that was not asked: {brief(message)}")
        check("result" in message, brief(message))


EQUAL_OR_REFUSED = [
    "null", "1.5", "-0.5", "1.0", "1e2", "1E400", "-1e400", "18446744073709551616", "-9223372036854775809", "1" + "0" * 30,
    "1" * 400, "9007199254740993.0", "1e-400", '"\\ud800"', '"\\udc00x"',
]  # fmt: skip


@case("R13: an id of {} comes back equal or is refused", table=[(brief(id, 40), id) for id in EQUAL_OR_REFUSED])
def _(t, id):
    connection = t.connect()
    connection.send(b'{"jsonrpc":"2.0","id":%s,"method":"echo","params":[1]}' % id.encode())
    message = connection.receive()
    value = json.loads(id)
    if "error" in message:
        check_error(message, (-32600, -32700), message["id"])
        check(message["id"] is None or same(message["id"], value), f"refused with another id: {brief(message)}")
    else:
        check_result(message, [1], value)
    connection.expect_alive("one answer")


@case("R13: an id of 64 KiB comes back exactly or is refused")
def _(t):
    connection = t.connect()
    id = "i" * (64 << 10)
    connection.send(request("echo", [1], id), note=False)
    message = connection.receive()
    if "error" in message:
        check_error(message, (-32600, -32700), message["id"])
        check(message["id"] in (None, id), f"refused with another id: {brief(message)}")
    else:
        check_result(message, [1], id)
    connection.expect_alive()


ODD_IDS = [(id, id.encode()) for id in ("true", "false", "[]", "[1]", "{}", '{"id":1}', '[["a"]]')]


@case("R13: an id of {} is -32600 with id null and nothing is executed", table=ODD_IDS)
def _(t, id):
    connection = t.connect()
    connection.send(b'{"jsonrpc":"2.0","id":%s,"method":"echo","params":[1]}' % id)
    connection.expect_error(-32600, None)
    connection.send(b'{"jsonrpc":"2.0","id":%s,"method":"bump"}' % id)
    connection.expect_error(-32600, None)
    connection.send(b'[{"jsonrpc":"2.0","id":%s,"method":"echo"},{"jsonrpc":"2.0","id":2,"method":"echo","params":[]}]' % id)
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 2, f"two answers were due: {brief(answer)}")
    check(sorted(map(shape, answer)) == ['["error", -32600, null]', '["result", [], 2]'], brief(answer))
    check(connection.result("count") == 0, "a request with an odd id was executed")


# What a request is

INVALID_REQUESTS = [
    ("an empty object", b"{}", None), ("an object of another kind", b'{"foo":"boo"}', None), ("a number", b"1", None),
    ("a string", b'"x"', None), ("null", b"null", None), ("true", b"true", None), ("a double", b"-1.5e3", None),
    ("no jsonrpc", b'{"id":1,"method":"echo","params":[]}', 1), ("jsonrpc 1.0", b'{"jsonrpc":"1.0","id":1,"method":"echo"}', 1),
    ("jsonrpc 2", b'{"jsonrpc":2,"id":1,"method":"echo"}', 1), ("jsonrpc 2.0 as a number", b'{"jsonrpc":2.0,"id":1,"method":"echo"}', 1),
    ("jsonrpc null", b'{"jsonrpc":null,"id":1,"method":"echo"}', 1), ("jsonrpc 2.00", b'{"jsonrpc":"2.00","id":1,"method":"echo"}', 1),
    ("jsonrpc as an array", b'{"jsonrpc":["2.0"],"id":1,"method":"echo"}', 1),
    ("method 1", b'{"jsonrpc":"2.0","id":1,"method":1}', 1), ("method null", b'{"jsonrpc":"2.0","id":"m","method":null}', "m"),
    ("method as an array", b'{"jsonrpc":"2.0","id":1,"method":["echo"]}', 1), ("method as an object", b'{"jsonrpc":"2.0","id":1,"method":{}}', 1),
    ("method true", b'{"jsonrpc":"2.0","id":1,"method":true}', 1), ("no method, result or error", b'{"jsonrpc":"2.0","id":1}', 1),
    ("only a version", b'{"jsonrpc":"2.0"}', None), ("parameters and no method", b'{"jsonrpc":"2.0","id":1,"params":[1]}', 1),
]  # fmt: skip


@case("R13: {} as a message is -32600, the connection kept", table=INVALID_REQUESTS)
def _(t, body, id):
    connection = t.connect()
    connection.send(body)
    message = connection.receive()
    check_error(message, -32600, message.get("id"), brief(body))
    check(message["id"] is None or same(message["id"], id), f"id {id!r} or null was due: {brief(message)}")
    connection.send(b"[" + body + b"]")
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 1, f"an array of one was due: {brief(answer)}")
    check_error(answer[0], -32600, answer[0].get("id"), brief(body))
    connection.expect_alive("one answer each")


@case("R13: parameters that are neither array nor object are an error")
def _(t):
    connection = t.connect()
    for value in (b'"bar"', b"1", b"true", b"1.5"):
        connection.send(b'{"jsonrpc":"2.0","id":1,"method":"echo","params":%s}' % value)
        message = connection.receive()
        check_error(message, (-32600, -32602), message["id"], f"params {value}")
        check(message["id"] in (1, None), brief(message))
    connection.expect_alive()


@case("R13: an unknown method is -32601, its name looked up as a whole")
def _(t):
    connection = t.connect()
    for method in ("", "no", "ech", "echoo", " echo", "echo ", "Echo", "rpc.echo", "$/echo", "rpc.discover", "\u00e9cho", "e" * 3000, "\0"):
        connection.send(request(method, [1], 3))
        connection.expect_error(-32601, 3, what=f"method {method[:40]!r}")
    connection.expect_alive()


@case("R13: a wrong parameter is -32602 and named")
def _(t):
    connection = t.connect()
    for value, names in (
        ({"minuend": "x", "subtrahend": 1}, ("minuend",)), ({"minuend": 1, "subtrahend": [2]}, ("subtrahend",)),
        ({"minuend": 1, "subtrahend": True}, ("subtrahend",)), ({"minuend": None, "subtrahend": 1}, ("minuend",)),
        ({"minuend": 1}, ("subtrahend",)), ({"subtrahend": 1}, ("minuend",)), ({}, ("minuend", "subtrahend")),
        ([1], ("subtrahend",)), ([], ("minuend", "subtrahend")), (["x", 1], ("minuend",)), ([1, {}], ("subtrahend",)),
        (ABSENT, ("minuend", "subtrahend")), (None, ("minuend", "subtrahend")),
    ):  # fmt: skip
        message = connection.call("subtract", value)
        check_error(message, -32602, message["id"], f"subtract with {brief(value)}")
        said = json.dumps(message["error"])
        check(any(name in said for name in names), f"subtract with {brief(value)}: no word of {names}: {said}")
    for method, value in (
        ("sum", ["x"]), ("sum", [1, None]), ("sleep", {"ms": "5"}), ("sleep", {}), ("sleep", {"ms": None}), ("sleep", {"ms": [5]}),
        ("fail", {"message": "m"}), ("fail", {"code": "x", "message": "m"}), ("call_back", {}), ("call_back", {"method": 5}),
    ):  # fmt: skip
        message = connection.call(method, value)
        check_error(message, -32602, message["id"], f"{method} with {brief(value)}")
    connection.expect_alive()


# R14

SILENT = [
    ("of an unknown method", request("no_such_method", [1])), ("of an unknown $/ method", request("$/unknown", {"a": 1})),
    ("with wrong parameters", request("subtract", ["x"])), ("without its parameters", request("subtract")),
    ("of a method that throws", request("throw")), ("of a method that fails", request("fail", {"code": 1, "message": "m"})),
    ("of a request's method", request("echo", [1])), ("of a method that waits", request("sleep", {"ms": 1})),
    ("with parameters for a method without", request("bump", {"a": [1]})), ("of an empty method", request("", [])),
    ("with null parameters", request("update", None)), ("of rpc.", request("rpc.x")), ("of a broken sleep", request("sleep", {"ms": -1})),
    ("of call_back without parameters", request("call_back")), ("of a broken cancellation", request("$/cancelRequest", {"id": {}})),
]  # fmt: skip


@case("R14: a notification {} is never answered, alone or in a batch", table=SILENT)
def _(t, message):
    connection = t.connect()
    connection.send(message, message, [message], [message, message])
    connection.send([message, request("echo", [3], "in a batch"), message])
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 1, f"an array of one was due: {brief(answer)}")
    check_result(answer[0], [3], "in a batch")
    check(connection.result("sleep", {"ms": 40}) == 40, "sleep gave another number")
    connection.expect_alive("no answer to a notification")


RESPONSES = [
    b'{"jsonrpc":"2.0","id":1,"result":1}', b'{"jsonrpc":"2.0","id":"x","result":null}', b'{"jsonrpc":"2.0","id":null,"result":1}',
    b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}', b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"m"}}', b'{"jsonrpc":"2.0","result":1}',
    b'{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}', b'{"jsonrpc":"2.0","id":1,"error":"boo"}', b'{"jsonrpc":"2.0","id":1,"error":null}',
    b'{"jsonrpc":"2.0","id":1,"error":{}}', b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":5}}', b'{"jsonrpc":"2.0","id":1,"error":[1]}',
    b'{"jsonrpc":"2.0","id":true,"result":1}', b'{"jsonrpc":"2.0","id":[],"result":1}', b'{"jsonrpc":"2.0","id":{},"error":1}',
    b'{"jsonrpc":"2.0","id":1.5,"result":1}', b'{"jsonrpc":"2.0","id":18446744073709551616,"result":1}', b'{"id":1,"result":1}',
    b'{"jsonrpc":"1.0","id":1,"result":1}', b'{"result":1}', b'{"error":1}', b'{"jsonrpc":"2.0","id":-1,"result":{"a":[1]}}',
    b'{"jsonrpc":"2.0","id":1,"result":1,"params":[1]}', b'{"jsonrpc":"2.0","id":18446744073709551615,"result":1}',
]  # fmt: skip


@case("R14: responses nobody waits for, late or malformed, are never answered")
def _(t):
    connection = t.connect()
    for body in RESPONSES:
        connection.send(body)
        connection.expect_alive(f"no answer to {body.decode()}")


@case("R14: responses in a batch are never answered")
def _(t):
    connection = t.connect()
    connection.send(b"[" + b",".join(RESPONSES) + b"]")
    connection.expect_alive("no answer to a batch of responses")
    connection.send(b"[" + RESPONSES[0] + b"," + encode(request("echo", [1], 8)) + b"," + RESPONSES[3] + b"]")
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 1, f"an array of one was due: {brief(answer)}")
    check_result(answer[0], [1], 8)
    connection.expect_alive()


# R15

def expect_batch(connection, shapes, seconds=8):
    answer = connection.receive(seconds)
    check(isinstance(answer, list), f"an array was due: {brief(answer)}")
    got = sorted(map(shape, answer))
    check(got == sorted(json.dumps(item) for item in shapes), f"{shapes} was due: {brief(answer)}")
    return answer


INVALID = ["error", -32600, None]


@case("R15: an empty batch is one -32600, each item of another kind gets one in an array")
def _(t):
    connection = t.connect()
    for body in (b"[]", b"[ ]", b" [\t] "):
        connection.send(body)
        connection.expect_error(-32600, None)
    for body, count in ((b"[1]", 1), (b"[1,2,3]", 3), (b'["a",null,true,1.5]', 4), (b"[[]]", 1), (b"[[],[]]", 2), (b"[[1,2],[3]]", 2), (b"[[[]]]", 1), (b"[{}]", 1)):
        connection.send(body)
        expect_batch(connection, [INVALID] * count)
    connection.expect_alive("no more answers")


@case("R15: a batch inside a batch is one -32600 and not executed")
def _(t):
    connection = t.connect()
    connection.send([request("echo", [1], 1), [request("echo", [2], 2), request("bump")], request("echo", [3], 3)])
    expect_batch(connection, [["result", [1], 1], INVALID, ["result", [3], 3]])
    check(connection.result("count") == 0, "a nested batch was executed")


@case("R15: a mixed batch gives one frame with one answer for each request")
def _(t):
    connection = t.connect()
    connection.send(
        [
            request("sum", [1, 2], 1), request("update", [1]), request("none", [], "n"), 5, request("throw", [], 0), request("none"),
            request("sleep", {"ms": 60}, "late"), {"jsonrpc": "2.0", "id": 77, "result": 1}, request("fail", {"code": 9, "message": "m"}, ""),
            request("subtract", ["x"], -3), request("sleep", {"ms": 20}, "soon"), request("bump"), [],
        ]
    )  # fmt: skip
    expect_batch(
        connection,
        [
            ["result", 3, 1], ["error", -32601, "n"], INVALID, ["error", -32603, 0], ["result", 60, "late"], ["error", 9, ""],
            ["error", -32602, -3], ["result", 20, "soon"], INVALID,
        ],
    )  # fmt: skip
    check(connection.result("count") == 1, "the notification in the batch was not handled once")


@case("R15: a batch of notifications has no answer")
def _(t):
    connection = t.connect()
    connection.send([request("bump")], [request("bump"), request("none"), request("throw")])
    check(connection.result("count") == 2, "notifications of a batch were not handled")
    connection.expect_alive()


@case("R15: the requests of a batch run concurrently and other messages pass it")
def _(t):
    connection = t.connect()
    connection.send([request("sleep", {"ms": 400}, id) for id in range(8)])
    connection.expect_alive("the batch still runs")
    expect_batch(connection, [["result", 400, id] for id in range(8)], seconds=2)


@case("R15: a batch of a hundred requests works")
def _(t):
    connection = t.connect()
    connection.send([request("echo", [id], id) for id in range(100)])
    expect_batch(connection, [["result", [id], id] for id in range(100)])


@case("R15: a batch of a million items is one error and moves memory by under 64 MiB", seconds=60)
def _(t):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    for item in (b"1", b'{"jsonrpc":"2.0","method":"bump"}'):
        count = min(1_000_000, (15 << 20) // (len(item) + 1))
        connection.send(b"[" + b",".join([item] * count) + b"]", note=False)
        connection.expect_error((-32600, -32000), None, seconds=20, what=f"a batch of {count} items")
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB")
    connection.expect_alive("one error")


# R16

@case("R16: an id already in flight is -32600 with that id, the first request stays intact")
def _(t):
    connection = t.connect()
    for id in (5, "five", 0, "", 2**64 - 1, -(2**63), "a\0b"):
        connection.send(request("sleep", {"ms": 150}, id), request("echo", ["second"], id))
        connection.expect_error(-32600, id)
        check_result(connection.receive(), 150, id)
    connection.expect_alive()


@case("R16: an id is free again once its answer is sent")
def _(t):
    connection = t.connect()
    for round_ in range(50):
        check_result(connection.call("echo", [round_], 1), [round_], 1)
        check_error(connection.call("throw", [], 1), -32603, 1)
        check_error(connection.call("nothing", [], 1), -32601, 1)
    check_result(connection.call("sleep", {"ms": 1}, 1), 1, 1)
    check_result(connection.call("sleep", {"ms": 1}, 1), 1, 1)


@case("R16: 1 and \"1\" are different ids")
def _(t):
    connection = t.connect()
    connection.send(request("sleep", {"ms": 100}, 1), request("sleep", {"ms": 50}, "1"))
    check_result(connection.receive(), 50, "1")
    check_result(connection.receive(), 100, 1)


@case("R16: one string in two spellings is one id")
def _(t):
    connection = t.connect()
    connection.send(request("sleep", {"ms": 150}, "abc"), b'{"jsonrpc":"2.0","id":"\\u0061bc","method":"echo","params":[]}')
    connection.expect_error(-32600, "abc")
    check_result(connection.receive(), 150, "abc")


@case("R16: a repeated id inside a batch is refused there, the first stays intact")
def _(t):
    connection = t.connect()
    connection.send([request("sleep", {"ms": 50}, 1), request("echo", [1], 1), request("echo", [2], 2)])
    expect_batch(connection, [["result", 50, 1], ["error", -32600, 1], ["result", [2], 2]])


@case("R16: an id that waits in the queue is in flight")
def _(t):
    connection = t.connect("--max-in-flight", 1, "--overload", "wait")
    connection.send(request("sleep", {"ms": 200}, 1), request("echo", ["queued"], 2), request("echo", ["again"], 2))
    answers = [connection.receive() for _ in range(3)]
    shapes = sorted(map(shape, answers))
    check(shapes == sorted(['["error", -32600, 2]', '["result", 200, 1]', '["result", ["queued"], 2]']), brief(answers))


@case("R16: the same id on two connections is two requests", transports=("tcp", "unix"))
def _(t):
    server = t.start()
    first, second = server.connect(), server.connect()
    first.request("sleep", {"ms": 200}, 1)
    check_result(second.call("echo", ["mine"], 1), ["mine"], 1)
    second.notify("$/cancelRequest", {"id": 1})
    second.expect_alive()
    message = first.receive()
    check(is_response(message), brief(message))
    check_result(message, 200, 1)
