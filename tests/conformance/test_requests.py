"""R13: ids, and what is a request."""

import json

from connection import ABSENT, brief, check, check_error, check_result, encode, request, same
from harness import case
from messages import shape_of


# R13

EXACT_IDS = [
    "0", "1", "-1", "-0", "2147483647", "2147483648", "-2147483649", "4294967296", "9007199254740993", "-9007199254740993",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551614",
    '""', '"a"', '"0"', '"1"', '"-1"', '"null"', '"true"', '"1.0"', '" "', '"\\u0000"', '"a\\u0000b"', '"\\u0000\\u0000"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u001f\\u007f"', '"\\u0061bc"', '"\\ud83d\\ude00"', '"😀"', '"é€"', '"\u2028\u2029\u0085"',
    '"\\u2028"', '"\U0010ffff"', '"{\\"id\\":1}"', '"]}"', '"\\\\u0041"', '"%s"' % ("long" * 250),
]


@case("R13: every string and every integer in [-2^63, 2^64) comes back exactly as an id")
def _(t):
    connection = t.connect()
    for id in EXACT_IDS:
        value = json.loads(id)
        for method, key in (
            ("echo", "result"),
            ("no_such_method", "error"),
            ("throw", "error"),
            ("subtract", "error"),
        ):
            connection.send(
                b'{"jsonrpc":"2.0","id":%s,"method":"%s","params":[]}' % (id.encode(), method.encode())
            )
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
    requests = [
        b'{"jsonrpc":"2.0","id":%s,"method":"sleep","params":{"ms":5}}' % id for id in values.values()
    ]
    connection.send(b"[" + b",".join(requests) + b"]")
    answer = connection.receive()
    check(
        isinstance(answer, list) and len(answer) == len(values),
        f"{len(values)} answers were due: {brief(answer)}",
    )
    for message in answer:
        check(
            values.pop(encode(message["id"]), ABSENT) is not ABSENT,
            f"an id that was not asked: {brief(message)}",
        )
        check("result" in message, brief(message))


EQUAL_OR_REFUSED = [
    "null", "1.5", "-0.5", "1.0", "1e2", "1E400", "-1e400", "18446744073709551616", "-9223372036854775809", "1" + "0" * 30,
    "1" * 400, "9007199254740993.0", "1e-400", '"\\ud800"', '"\\udc00x"',
]


@case(
    "R13: an id of {} comes back equal or is refused", table=[(brief(id, 40), id) for id in EQUAL_OR_REFUSED]
)
def _(t, id):
    connection = t.connect()
    connection.send(b'{"jsonrpc":"2.0","id":%s,"method":"echo","params":[1]}' % id.encode())
    message = connection.receive()
    value = json.loads(id)
    if "error" in message:
        check_error(message, (-32600, -32700), message["id"])
        check(
            message["id"] is None or same(message["id"], value), f"refused with another id: {brief(message)}"
        )
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
    connection.send(
        b'[{"jsonrpc":"2.0","id":%s,"method":"echo"},{"jsonrpc":"2.0","id":2,"method":"echo","params":[]}]'
        % id
    )
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 2, f"two answers were due: {brief(answer)}")
    check(sorted(map(shape_of, answer)) == ['["error", -32600, null]', '["result", [], 2]'], brief(answer))
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
]


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
    for method in (
        "",
        "no",
        "ech",
        "echoo",
        " echo",
        "echo ",
        "Echo",
        "rpc.echo",
        "$/echo",
        "rpc.discover",
        "\u00e9cho",
        "e" * 3000,
        "\0",
    ):
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
    ):
        message = connection.call("subtract", value)
        check_error(message, -32602, message["id"], f"subtract with {brief(value)}")
        said = json.dumps(message["error"])
        check(
            any(name in said for name in names), f"subtract with {brief(value)}: no word of {names}: {said}"
        )
    for method, value in (
        ("sum", ["x"]), ("sum", [1, None]), ("sleep", {"ms": "5"}), ("sleep", {}), ("sleep", {"ms": None}), ("sleep", {"ms": [5]}),
        ("fail", {"message": "m"}), ("fail", {"code": "x", "message": "m"}), ("call_back", {}), ("call_back", {"method": 5}),
    ):
        message = connection.call(method, value)
        check_error(message, -32602, message["id"], f"{method} with {brief(value)}")
    connection.expect_alive()
