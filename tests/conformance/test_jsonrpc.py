"""R14 to R16: notifications, responses, batches, ids in flight; the specification's own examples."""

import json
import os

from connection import brief, check, check_error, check_result, encode, is_response, request
from harness import case
from messages import shape_of


with open(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "spec_examples.json"), encoding="utf-8"
) as _file:
    EXAMPLES = [(example["name"], example["send"], example["expect"]) for example in json.load(_file)]


@case("R15: the JSON-RPC 2.0 specification's example: {}", table=EXAMPLES)
def _(t, send, expect):
    connection = t.connect()
    connection.send(send.encode())
    if expect is not None:
        answer = connection.receive()
        if isinstance(expect, list):
            check(isinstance(answer, list), f"an array was due: {brief(answer)}")
            check(
                sorted(map(shape_of, answer)) == sorted(map(shape_of, expect)), f"{expect} was due: {brief(answer)}"
            )
        else:
            check(isinstance(answer, dict), f"an object was due: {brief(answer)}")
            check(shape_of(answer) == shape_of(expect), f"{expect} was due: {brief(answer)}")
    connection.expect_alive("nothing more")


# R14

SILENT = [
    ("of an unknown method", request("no_such_method", [1])), ("of an unknown $/ method", request("$/unknown", {"a": 1})),
    ("with wrong parameters", request("subtract", ["x"])), ("without its parameters", request("subtract")),
    ("of a method that throws", request("throw")), ("of a method that fails", request("fail", {"code": 1, "message": "m"})),
    ("of a request's method", request("echo", [1])), ("of a method that waits", request("sleep", {"ms": 1})),
    ("with parameters for a method without", request("bump", {"a": [1]})), ("of an empty method", request("", [])),
    ("with null parameters", request("update", None)), ("of rpc.", request("rpc.x")), ("of a broken sleep", request("sleep", {"ms": -1})),
    ("of call_back without parameters", request("call_back")), ("of a broken cancellation", request("$/cancelRequest", {"id": {}})),
]


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
]


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
    got = sorted(map(shape_of, answer))
    check(got == sorted(json.dumps(item) for item in shapes), f"{shapes} was due: {brief(answer)}")
    return answer


INVALID = ["error", -32600, None]


@case("R15: an empty batch is one -32600, each item of another kind gets one in an array")
def _(t):
    connection = t.connect()
    for body in (b"[]", b"[ ]", b" [\t] "):
        connection.send(body)
        connection.expect_error(-32600, None)
    for body, count in (
        (b"[1]", 1),
        (b"[1,2,3]", 3),
        (b'["a",null,true,1.5]', 4),
        (b"[[]]", 1),
        (b"[[],[]]", 2),
        (b"[[1,2],[3]]", 2),
        (b"[[[]]]", 1),
        (b"[{}]", 1),
    ):
        connection.send(body)
        expect_batch(connection, [INVALID] * count)
    connection.expect_alive("no more answers")


@case("R15: a batch inside a batch is one -32600 and not executed")
def _(t):
    connection = t.connect()
    connection.send(
        [request("echo", [1], 1), [request("echo", [2], 2), request("bump")], request("echo", [3], 3)]
    )
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
    )
    expect_batch(
        connection,
        [
            ["result", 3, 1], ["error", -32601, "n"], INVALID, ["error", -32603, 0], ["result", 60, "late"], ["error", 9, ""],
            ["error", -32602, -3], ["result", 20, "soon"], INVALID,
        ],
    )
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


@case('R16: 1 and "1" are different ids')
def _(t):
    connection = t.connect()
    connection.send(request("sleep", {"ms": 100}, 1), request("sleep", {"ms": 50}, "1"))
    check_result(connection.receive(), 50, "1")
    check_result(connection.receive(), 100, 1)


@case("R16: one string in two spellings is one id")
def _(t):
    connection = t.connect()
    connection.send(
        request("sleep", {"ms": 150}, "abc"),
        b'{"jsonrpc":"2.0","id":"\\u0061bc","method":"echo","params":[]}',
    )
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
    connection.send(
        request("sleep", {"ms": 200}, 1), request("echo", ["queued"], 2), request("echo", ["again"], 2)
    )
    answers = [connection.receive() for _ in range(3)]
    shapes = sorted(map(shape_of, answers))
    check(
        shapes == sorted(['["error", -32600, 2]', '["result", 200, 1]', '["result", ["queued"], 2]']),
        brief(answers),
    )


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
