"""Each method of the conformance server, used as it is meant."""

import time

from connection import ABSENT, brief, check, check_error, check_result, request, same
from harness import LISTENERS, case


@case("methods: subtract takes its numbers by position and by name in any order")
def _(t):
    connection = t.connect()
    for params, value in (
        ([42, 23], 19), ([23, 42], -19), ({"minuend": 42, "subtrahend": 23}, 19), ({"subtrahend": 23, "minuend": 42}, 19),
        ([0, 0], 0), ([-5, -7], 2), ([2**53 + 1, 1], 2**53), ([2**63 - 1, 1], 2**63 - 2), ([-(2**63), -1], -(2**63) + 1),
    ):
        check(same(connection.result("subtract", params), value), f"subtract {params} is not {value}")


@case("methods: sum adds numbers")
def _(t):
    connection = t.connect()
    for params, value in (
        ([1, 2, 4], 7),
        ([], 0),
        ([5], 5),
        ([-1, 1], 0),
        ([0.5, 0.25], 0.75),
        ([1, 0.5], 1.5),
        (list(range(1000)), 499500),
    ):
        check(same(connection.result("sum", params), value), f"sum of {brief(params)} is not {value}")


@case("methods: echo gives its parameters back")
def _(t):
    connection = t.connect()
    for params in (
        [], {}, [[]], [{}], {"a": {}}, [None], [True, False], ["", "x"], {"": None}, {"a": 1, "b": [1, 2, {"c": "d"}]}, list(range(2000)),
        {str(number): number for number in range(500)}, ["x" * 100_000], ["é" * 50_000], [[[[["deep"]]]]], {"jsonrpc": "2.0", "id": 1, "method": "x"},
    ):
        check(same(connection.result("echo", params), params), f"echo changed {brief(params)}")
    for params in (ABSENT, None):
        check(connection.result("echo", params) in (None, [], {}), "echo of nothing gave something")


@case("methods: echo carries messages of every size around the buffers' borders", seconds=60)
def _(t):
    connection = t.connect()
    for power in (8, 10, 12, 13, 14, 15, 16, 17, 18, 20, 22):
        for size in range(2**power - 45, 2**power + 10, 1 if power < 15 else 11):
            if power > 16 and size % 3:
                continue
            id = connection.request("echo", ["s" * size])
            check_result(connection.receive(), ["s" * size], id)


@case("methods: echo carries a message of 15 MiB, and a small one behind it", seconds=60)
def _(t):
    connection = t.connect()
    value = ["é" * (15 << 19)]
    connection.send(request("echo", value, "large"), request("echo", ["small"], "small"))
    check_result(connection.response("small", 20), ["small"], "small")
    check_result(connection.response("large", 20), value, "large")
    connection.expect_alive()


@case('methods: get_data gives ["hello", 5]')
def _(t):
    connection = t.connect()
    for params in (ABSENT, None, [], {}):
        check(connection.result("get_data", params) == ["hello", 5], "get_data gave something else")


@case("methods: the notifications update, notify_hello and notify_sum are taken in silence")
def _(t):
    connection = t.connect()
    for method, params in (
        ("update", [1, 2, 3, 4, 5]),
        ("notify_hello", [7]),
        ("notify_sum", [1, 2, 4]),
        ("update", {"a": 1}),
        ("update", ABSENT),
    ):
        connection.notify(method, params)
    connection.expect_alive()


@case("methods: sleep returns its milliseconds after that delay, and several overlap")
def _(t):
    connection = t.connect()
    started = time.monotonic()
    check(same(connection.result("sleep", {"ms": 120}), 120), "sleep gave another number")
    check(time.monotonic() - started >= 0.119, "sleep returned early")
    check(same(connection.result("sleep", [10]), 10), "sleep by position gave another number")
    started = time.monotonic()
    connection.send(*(request("sleep", {"ms": ms}, ms) for ms in (250, 150, 50)))
    order = [connection.receive()["id"] for _ in range(3)]
    check(order == [50, 150, 250], f"order of answers: {order}")
    check(time.monotonic() - started < t.seconds(0.43), "sleeps ran one after the other")


@case("methods: stats gives an object")
def _(t):
    connection = t.connect()
    for params in (ABSENT, [], {}):
        check(isinstance(connection.result("stats", params), dict), "stats gave no object")


@case("methods: bump and count")
def _(t):
    connection = t.connect()
    check(connection.result("count") == 0, "count does not begin at 0")
    for number in range(1, 6):
        connection.notify("bump")
        check(connection.result("count") == number, f"count is not {number}")


@case("methods: fail and throw")
def _(t):
    connection = t.connect()
    message = connection.call("fail", {"code": -32099, "message": "as asked", "data": {"why": ["so"]}})
    check_error(message, -32099, message["id"])
    check(
        same(message["error"], {"code": -32099, "message": "as asked", "data": {"why": ["so"]}}),
        brief(message),
    )
    message = connection.call("fail", {"code": 4, "message": "no data"})
    check(same(message["error"], {"code": 4, "message": "no data"}), brief(message))
    message = connection.call("throw")
    check_error(message, -32603, message["id"])


@case("methods: many requests in one write are all answered")
def _(t):
    connection = t.connect()
    connection.send(*(request("echo", [id], id) for id in range(3000)))
    seen = set()
    for _ in range(3000):
        message = connection.receive()
        check_result(message, [message["id"]], message["id"])
        seen.add(message["id"])
    check(len(seen) == 3000, f"{len(seen)} of 3000 requests were answered")
    connection.expect_alive()


@case("methods: connections do not mix", transports=LISTENERS)
def _(t):
    server = t.start()
    peers = [server.connect() for _ in range(20)]
    for round_ in range(20):
        for number, peer in enumerate(peers):
            peer.send(request("echo", [number, round_], round_), request("sleep", {"ms": number % 3}, "s"))
        for number, peer in enumerate(peers):
            check_result(peer.response(round_), [number, round_], round_)
            check_result(peer.response("s"), number % 3, "s")
