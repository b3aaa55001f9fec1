"""R18: cancellation."""

import random
import time

from connection import ABSENT, brief, check, check_error, check_result, is_response, request
from harness import case
from messages import LONG, cancel



@case("R18: a running request is cancelled at once, with one answer")
def _(t):
    connection = t.connect()
    for id in (1, "one", 0, "", 2**63, 2**64 - 1, -(2**63), "a\0b", "é😀", '"\\'):
        connection.request("sleep", LONG, id)
        connection.expect_alive()
        started = time.monotonic()
        connection.send(cancel(id))
        connection.expect_error(-32800, id)
        check(time.monotonic() - started < t.seconds(1), "the cancellation took long")
        connection.expect_alive("one answer")


@case("R18: a cancellation in the same read as its request works")
def _(t):
    connection = t.connect("--max-in-flight", 100)
    for id in range(20):
        connection.send(request("sleep", LONG, id), cancel(id))
        connection.expect_error(-32800, id)
    connection.send(*(request("sleep", LONG, id) for id in range(20)), *(cancel(id) for id in range(20)))
    answers = [connection.receive() for _ in range(20)]
    for answer in answers:
        check_error(answer, -32800, answer["id"])
    check(sorted(answer["id"] for answer in answers) == list(range(20)), brief(answers))
    connection.expect_alive("one answer each")


@case("R18: a cancellation ahead of its request does not reach it")
def _(t):
    connection = t.connect()
    connection.send(cancel(7), request("sleep", {"ms": 30}, 7))
    check_result(connection.receive(), 30, 7)


@case("R18: cancellation and request in one batch")
def _(t):
    connection = t.connect()
    connection.send([request("sleep", LONG, 1), cancel(1), request("echo", [2], 2)])
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 2, f"an array of two was due: {brief(answer)}")
    answer.sort(key=lambda item: item["id"])
    check_error(answer[0], -32800, 1)
    check_result(answer[1], [2], 2)
    connection.send([request("sleep", LONG, 1), request("sleep", LONG, 3)])
    connection.expect_alive("the batch still runs")
    connection.send(cancel(3), [cancel(1)])
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 2, f"an array of two was due: {brief(answer)}")
    for item in answer:
        check_error(item, -32800, item["id"])
    connection.expect_alive()


@case("R18: a queued request is cancelled at once and never runs")
def _(t):
    connection = t.connect("--max-in-flight", 1, "--overload", "wait")
    connection.send(
        request("sleep", LONG, "running"), request("sleep", LONG, "queued"), request("echo", [1], "last")
    )
    connection.send(cancel("queued"))
    connection.expect_error(-32800, "queued")
    connection.send(cancel("running"))
    connection.expect_error(-32800, "running")
    check_result(connection.receive(), [1], "last")
    connection.expect_alive()


@case("R18: unknown, late and malformed cancellations are ignored")
def _(t):
    connection = t.connect()
    connection.request("sleep", LONG, 1)
    check_result(connection.call("echo", [5], 5), [5], 5)
    for params in (
        {"id": 99}, {"id": 5}, {"id": "1"}, {"id": None}, {"id": True}, {"id": []}, {"id": [1]}, {"id": {}}, {"id": {"id": 1}}, {"id": 1.5},
        {}, {"ID": 1}, {"Id": 1}, [], None, ABSENT, "1", 1, {"id": 2**64}, {"id": "1\0"}, {"id": -1}, {"id": 2**64 + 1},
    ):
        connection.notify("$/cancelRequest", params)
        connection.expect_alive(f"a cancellation with {params!r} is ignored")
    connection.send(b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1e0000000001}}')
    connection.expect_alive()
    connection.send(cancel(1))
    connection.expect_error(-32800, 1)
    check_result(connection.call("sleep", {"ms": 20}, 5), 20, 5)


@case('R18: 1 and "1" are different to a cancellation')
def _(t):
    connection = t.connect()
    connection.send(request("sleep", LONG, 1), request("sleep", LONG, "1"), cancel("1"))
    connection.expect_error(-32800, "1")
    connection.expect_alive("1 still runs")
    connection.send(cancel(1))
    connection.expect_error(-32800, 1)


@case("R18: an id written with escapes cancels the same id written without")
def _(t):
    connection = t.connect()
    connection.request("sleep", LONG, "abc")
    connection.send(b'{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"\\u0061b\\u0063"}}')
    connection.expect_error(-32800, "abc")


@case("R18: a cancelled request frees its place")
def _(t):
    connection = t.connect("--max-in-flight", 1, "--overload", "reject")
    for _ in range(50):
        connection.send(request("sleep", LONG, 1), cancel(1))
        connection.expect_error(-32800, 1)
        check_result(connection.call("echo", [1], 1), [1], 1)


@case("R18: in random interleavings each request is answered exactly once", seconds=60)
def _(t):
    chance = random.Random(18)
    for options in (
        ("--max-in-flight", 1000),
        ("--max-in-flight", 4, "--overload", "wait"),
        ("--max-in-flight", 3, "--overload", "reject"),
    ):
        connection = t.connect(*options)
        open_, allowed, block = {}, (0, -32800) + ((-32000,) if "reject" in options else ()), []
        for id in range(600):
            open_[id] = chance.choice((0, 0, 1, 3, 10, 20))
            block.append(request("sleep", {"ms": open_[id]}, id))
            while chance.random() < 0.5:
                block.append(cancel(chance.randrange(max(0, id - 12), id + 1)))
            if chance.random() < 0.2:
                connection.send(*block)
                block = []
        connection.send(*block)
        while open_:
            message = connection.receive()
            check(is_response(message) and message["id"] in open_, f"an answer too many: {brief(message)}")
            ms = open_.pop(message["id"])
            code = message.get("error", {}).get("code", 0)
            check(code in allowed and (code or message["result"] == ms), brief(message))
        connection.expect_alive("one answer each")
