"""R21 and R22: limits and back-pressure."""

import random
import time

from connection import ABSENT, brief, check, check_error, check_result, parse, request
from harness import LISTENERS, case
from messages import LONG, REJECT, WAIT, cancel


# R21


@case("R21: reject: of five requests with room for two, two run and three get -32000 at once")
def _(t):
    connection = t.connect("--max-in-flight", 2, *REJECT)
    for _ in range(3):
        started = time.monotonic()
        connection.send(*(request("sleep", {"ms": 500}, id) for id in range(5)))
        for id in (2, 3, 4):
            connection.expect_error(-32000, id)
        check(time.monotonic() - started < t.seconds(0.4), "the refusals waited for the running requests")
        check(sorted(connection.receive()["id"] for _ in range(2)) == [0, 1], "not the first two were run")
    connection.expect_alive()


@case("R21: reject: the requests of a batch count one by one")
def _(t):
    connection = t.connect("--max-in-flight", 2, *REJECT)
    connection.send([request("sleep", {"ms": 50}, id) for id in range(5)] + [request("bump")])
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 5, f"an array of five was due: {brief(answer)}")
    answer.sort(key=lambda item: item["id"])
    for id in (0, 1):
        check_result(answer[id], 50, id)
    for id in (2, 3, 4):
        check_error(answer[id], -32000, id)
    check(connection.result("count") == 1, "the notification of the batch was lost")


@case("R21: the limit is per connection", transports=LISTENERS)
def _(t):
    server = t.start("--max-in-flight", 1, *REJECT)
    first, second = server.connect(), server.connect()
    first.send(request("sleep", LONG, 1), request("echo", [], 2))
    first.expect_error(-32000, 2)
    second.expect_alive()


@case("R21: notifications, responses and cancellations are never refused by the limit")
def _(t):
    connection = t.connect("--max-in-flight", 1, *REJECT)
    connection.send(request("sleep", LONG, 1), *(request("bump") for _ in range(5)), request("echo", [], 2))
    connection.expect_error(-32000, 2)
    connection.send({"jsonrpc": "2.0", "id": 5, "result": 1}, request("none"), cancel(1))
    connection.expect_error(-32800, 1)
    check(connection.result("count") == 5, "notifications were lost at the limit")


@case("R21: wait: requests are served first come, first served")
def _(t):
    for limit in (1, 3):
        connection = t.connect("--max-in-flight", limit, *WAIT)
        connection.send(*(request("sleep", {"ms": 10}, id) for id in range(40)))
        order = [connection.receive()["id"] for _ in range(40)]
        if limit == 1:
            check(order == list(range(40)), f"order of answers: {order}")
        else:
            check(all(abs(id - place) < 3 for place, id in enumerate(order)), f"order of answers: {order}")


@case("R21: wait: a cancellation behind sixteen queued requests gets through")
def _(t):
    for kind in (request("echo", ["e" * 200]), request("sleep", {"ms": 1})):
        connection = t.connect("--max-in-flight", 1, *WAIT)
        connection.send(
            request("sleep", LONG, "first"), *({**kind, "id": id} for id in range(16)), cancel("first")
        )
        connection.expect_error(-32800, "first")
        check([connection.receive()["id"] for _ in range(16)] == list(range(16)), "the queue lost its order")
        connection.expect_alive()


@case("R21: wait: a cancellation of the last of sixteen queued requests gets through")
def _(t):
    connection = t.connect("--max-in-flight", 1, *WAIT)
    connection.send(
        request("sleep", LONG, "first"), *(request("echo", [], id) for id in range(16)), cancel(15)
    )
    connection.expect_error(-32800, 15)
    connection.send(cancel("first"))
    connection.expect_error(-32800, "first")
    check([connection.receive()["id"] for _ in range(15)] == list(range(15)), "the queue lost its order")


@case("R21: wait: a response behind sixteen queued requests gets through")
def _(t):
    connection = t.connect("--max-in-flight", 1, *WAIT)
    connection.send(request("call_back", {"method": "client/m", "params": []}, "back"))
    called = connection.receive()
    check(called.get("method") == "client/m", f"a call back was due: {brief(called)}")
    connection.send(*(request("sleep", {"ms": 10}, id) for id in range(16)))
    connection.send({"jsonrpc": "2.0", "id": called["id"], "result": "through"})
    check_result(connection.response("back"), "through", "back")
    check([connection.response(id)["result"] for id in range(16)] == [10] * 16, "a queued request was lost")


@case("R21: wait: a response behind sixteen requests that never end gets through")
def _(t):
    connection = t.connect("--max-in-flight", 2, *WAIT)
    connection.send(request("call_back", {"method": "client/m", "params": []}, "back"))
    called = connection.receive()
    connection.send(*(request("sleep", LONG, id) for id in range(16)))
    connection.send({"jsonrpc": "2.0", "id": called["id"], "result": "through"}, cancel(0), cancel(1))
    check_error(connection.response(0), -32800, 0)
    check_error(connection.response(1), -32800, 1)
    check_result(connection.response("back"), "through", "back")


@case("R21: wait: notifications behind a full limit are all handled, and before the requests behind them")
def _(t):
    connection = t.connect("--max-in-flight", 1, *WAIT)
    connection.send(
        request("sleep", LONG, 1),
        *(request("bump") for _ in range(8)),
        request("count", id=2),
        request("bump"),
        cancel(1),
    )
    connection.expect_error(-32800, 1)
    check(connection.receive()["result"] in (8, 9), "notifications were lost behind a full limit")
    check(connection.result("count") == 9, "notifications were lost behind a full limit")


@case("R21: wait: the queue is bounded in bytes and nothing in it is lost", seconds=90)
def _(t):
    server = t.start("--max-in-flight", 1, *WAIT)
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    body = "w" * (100 << 10)
    ms = int(t.seconds(2500))
    frames = [connection.frame(request("sleep", {"ms": ms}, 0))]
    frames += [
        connection.frame(request("sum" if id % 2 else "echo", [id] if id % 2 else [body], id))
        for id in range(1, 2000)
    ]
    data = memoryview(b"".join(frames))
    taken = connection.send_until_stalled(data, 0.7)
    check(taken < len(data), f"the server took {taken >> 20} MiB while its only place was busy")
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB while {taken >> 20} MiB were sent")
    if not t.stdio:
        server.expect_serving()
    connection.send_raw(data[taken:], note=False)
    open_ = set(range(2000))
    while open_:
        message = connection.receive()
        id = message["id"]
        check(id in open_, f"an answer too many: {brief(message)}")
        open_.remove(id)
        check_result(message, ms if id == 0 else id if id % 2 else [body], id)
    connection.expect_alive()
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB in all")


# R22

FLOODS = [
    ("of large echoes", request("echo", ["x" * 60_000], 0), 1600, ["x" * 60_000]),
    ("of small requests", request("echo", ["x"], 0), 200_000, ["x"]),
    ("of requests that fail", request("no_such_method_at_all", id=0), 200_000, None),
]


def repeated(connection, message, count):
    """The frame of `message` with ids of one width, over and over, and the length of one."""
    first, last = connection.frame({**message, "id": 1234567}).split(b"1234567")
    data = b"".join(b"%b%d%b" % (first, 1_000_000 + id, last) for id in range(count))
    return memoryview(data), len(first) + 7 + len(last)


@case(
    "R22: a peer that sends a flood {} and never reads moves memory by under 64 MiB, and loses nothing when it reads",
    table=FLOODS,
    seconds=90,
)
def _(t, message, count, value):
    server = t.start()
    connection = server.connect(receive_buffer=64 << 10)
    connection.expect_alive()
    before = server.peak()
    data, size = repeated(connection, message, count)
    taken = connection.send_until_stalled(data, 1.0)
    moved = server.peak() - before
    check(
        moved < t.memory_bar,
        f"memory moved by {moved >> 20} MiB while {taken >> 20} MiB were sent and nothing was read",
    )
    if not t.stdio:
        server.expect_serving()
    answers = -(-taken // size)
    connection.send_raw(data[taken : answers * size], note=False)
    seen = set()
    for _ in range(answers):
        body = connection.receive_frame()
        check(body is not None, f"the connection ended after {len(seen)} of {answers} answers")
        answer = parse(body)
        seen.add(answer["id"])
        if value is None:
            check_error(answer, -32601, answer["id"])
        else:
            check_result(answer, value, answer["id"])
    check(seen == set(range(1_000_000, 1_000_000 + answers)), "an answer came twice or was lost")
    connection.expect_alive()
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB in all")


@case("R22: errors for tiny invalid messages nobody reads are bounded as well", seconds=60)
def _(t):
    server = t.start()
    connection = server.connect(receive_buffer=64 << 10)
    connection.expect_alive()
    before = server.peak()
    taken = connection.send_until_stalled(connection.frame(b"1") * 2_000_000, 1.0)
    moved = server.peak() - before
    check(
        moved < t.memory_bar,
        f"memory moved by {moved >> 20} MiB after {taken >> 20} MiB of errors nobody reads",
    )
    if not t.stdio:
        server.expect_serving()


@case("R22: refusals of overload nobody reads are bounded as well", seconds=60)
def _(t):
    server = t.start("--max-in-flight", 1, *REJECT)
    connection = server.connect(receive_buffer=64 << 10)
    connection.expect_alive()
    connection.request("sleep", LONG, "busy")
    before = server.peak()
    taken = connection.send_until_stalled(repeated(connection, request("echo", id=0), 300_000)[0], 1.0)
    moved = server.peak() - before
    check(
        moved < t.memory_bar, f"memory moved by {moved >> 20} MiB after {taken >> 20} MiB of refused requests"
    )


@case("R22: call backs nobody reads are bounded as well", seconds=60)
def _(t):
    server = t.start()
    connection = server.connect(receive_buffer=64 << 10)
    connection.expect_alive()
    before = server.peak()
    message = request("call_back", {"method": "client/method", "params": ["c" * 3000]}, 0)
    taken = connection.send_until_stalled(repeated(connection, message, 30_000)[0], 1.0)
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB after {taken >> 20} MiB of call backs")
    if not t.stdio:
        server.expect_serving()


@case("R22: one batch whose answers nobody reads moves memory by under 64 MiB", seconds=60)
def _(t):
    server = t.start()
    connection = server.connect(receive_buffer=64 << 10)
    connection.expect_alive()
    before = server.peak()
    batch = connection.frame([request("echo", ["y" * 30_000], id) for id in range(100)])
    connection.send_until_stalled(batch * 30, 1.0)
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB")


@case("R22: answers of all sizes at once never interleave", seconds=60)
def _(t):
    connection = t.connect("--max-in-flight", 1000)
    chance = random.Random(22)
    open_, messages = {}, []
    for id in range(600):
        if id % 3:
            open_[id] = ["z" * chance.choice((0, 10, 1000, 70_000, 300_000 if id % 7 == 0 else 5))]
            messages.append(request("echo", open_[id], id))
        else:
            open_[id] = chance.randrange(0, 30)
            messages.append(request("sleep", {"ms": open_[id]}, id))
    connection.send(*messages, note=False)
    while open_:
        message = connection.receive()
        check_result(message, open_.pop(message["id"], ABSENT), message["id"])
    connection.expect_alive()
