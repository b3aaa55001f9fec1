"""R21, R22, R24, R28 to R31 at the bounds: what is held is bounded, and a server that can't go on reading
still sees its peer leave."""

import os
import subprocess
import time

from connection import check, check_error, check_result, request
from descriptors import KINDS, Ends
from harness import LISTENERS, STDIO, UNIX, case
from messages import LONG, WAIT, cancel
from process import eventually

# More requests than the server lets wait.
TOO_MANY = 150_000


def overfill(t, *options):
    """A connection that the server has stopped reading from, since none of its requests ever ends."""
    server = t.start("--max-in-flight", 1, *WAIT, *options)
    connection = server.connect()
    connection.expect_alive()
    data = b"".join(connection.frame(request("sleep", LONG, id)) for id in range(TOO_MANY))
    taken = connection.send_until_stalled(data, 0.7)
    check(taken < len(data), "the server took all of it")
    return server, connection


@case("R29: the end of the input is noticed behind a queue that is full for good", transports=STDIO)
def _(t):
    server, connection = overfill(t)
    connection.half_close()
    server.expect_exit(range(128), 14, "end of input behind a full queue")


@case("R30: output that breaks ends a server whose queue is full for good within 5 s", transports=STDIO)
def _(t):
    server, connection = overfill(t)
    connection.stop_reading()
    server.expect_exit(range(128), 5, "write side gone behind a full queue")


@case("R32: the death of the parent ends a server whose queue is full for good within 5 s", transports=STDIO)
def _(t):
    server, connection = overfill(t)
    connection.half_close()
    connection.stop_reading()
    server.expect_exit(range(128), 5, "parent gone behind a full queue")


@case("R24: connections that go behind a full queue are freed", transports=LISTENERS)
def _(t):
    server, connection = overfill(t)
    witness = server.connect()
    witness.expect_alive()
    open_ = server.descriptors()
    if t.transport == "tcp":
        connection.reset()
    connection.close()
    t.connections.remove(connection)
    eventually(
        lambda: server.descriptors() < open_,
        t.seconds(14),
        lambda: f"{server.descriptors()} descriptors are open, as before the peer went",
    )
    witness.expect_alive()


@case("R31: exit behind 1300 requests that never end is obeyed within 5 s", transports=STDIO)
def _(t):
    connection = t.connect(*WAIT)
    connection.send(*(request("sleep", LONG, id) for id in range(1300)), note=False)
    connection.send(request("shutdown", id="s"), request("exit"))
    connection.server.expect_exit(0, 5, "exit behind 1300 requests")


# What moves memory: ids, parameters that handlers keep, blocks that small parameters lie in, unfinished batches.


def batch(connection, number, members):
    first = request("sleep", LONG, f"b{number}")
    return connection.frame([first, *members])


HOARDS = [
    (
        "unfinished batches of members that are no messages",
        lambda c: (batch(c, number, [1] * 9999) for number in range(500)),
    ),
    (
        "unfinished batches of echoes",
        lambda c: (batch(c, number, [request("echo", ["x" * 1_000_000], 1)] * 15) for number in range(25)),
    ),
    (
        "requests with long ids",
        lambda c: (c.frame(request("sleep", LONG, f"{number:06d}" + "i" * 65_000)) for number in range(1300)),
    ),
    (
        "small requests that arrive in large blocks",
        lambda c: (
            c.frame(request("update", ["u" * 8_200_000])) + c.frame(request("sleep", {**LONG, "pad": "p" * 4096}, number))
            for number in range(30)
        ),
    ),
]


@case("R22: {} move memory by under 64 MiB", table=HOARDS, seconds=90)
def _(t, frames):
    server = t.start(*WAIT)
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    for frame in frames(connection):
        if connection.send_until_stalled(frame, 0.5) < len(frame):
            break
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB")
    if not t.stdio:
        server.expect_serving()


@case("R22: running requests of 8 MiB are bounded together", seconds=90)
def _(t):
    server = t.start(*WAIT)
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    pad = "p" * (8 << 20)
    for number in range(20):
        frame = connection.frame(request("sleep", {**LONG, "pad": pad}, number))
        if connection.send_until_stalled(frame, 0.5) < len(frame):
            break
    moved = server.peak() - before
    check(moved < 2 * t.memory_bar, f"memory moved by {moved >> 20} MiB")


# R28


@case("R28: a listener serves although nobody reads its standard error any more", transports=UNIX)
def _(t):
    reader, writer = os.pipe()
    os.close(reader)
    path = t.path("socket")
    command = [t.program, "--unix", path, "--framing", t.framing]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer)
    try:
        os.close(writer)
        deadline = time.monotonic() + t.seconds(5)
        while not os.path.exists(path):
            check(process.poll() is None, f"it ended with {process.poll()}")
            check(time.monotonic() < deadline, "it does not listen")
            time.sleep(0.01)
        time.sleep(0.1)
        check(process.poll() is None, f"it ended with {process.poll()}")
    finally:
        process.terminate()
        check(process.wait(t.seconds(8)) == 0, "it did not end cleanly")


# What must get through all the same.


@case("R18: a cancellation gets through however much its batch owes already")
def _(t):
    connection = t.connect()
    big = "x" * (13 << 20)
    connection.send([request("sleep", LONG, 1), request("echo", [big], 2)], note=False)
    connection.send(cancel(1))
    answers = {answer["id"]: answer for answer in connection.receive(30)}
    check_error(answers[1], -32800, 1)
    check_result(answers[2], [big], 2)


@case("R19: answers get through however much the batches that wait for them owe")
def _(t):
    connection = t.connect()
    big = "x" * (13 << 20)
    call = {"method": "client/m", "params": []}
    for number in (0, 2):
        connection.send([request("call_back", call, number), request("echo", [big], number + 1)], note=False)
    called, second = connection.receive(30), connection.receive(30)
    # The second batch is served as well, or refused, since the first owes much already; it never waits.
    calls = [called] + ([second] if isinstance(second, dict) else [])
    if len(calls) == 1:
        check([answer["error"]["code"] for answer in second] == [-32000] * 2, "neither served nor refused")
    for called in calls:
        connection.send({"jsonrpc": "2.0", "id": called["id"], "result": 7})
    for number in range(len(calls)):
        answers = {answer["id"]: answer for answer in connection.receive(30)}
        check_result(answers[2 * number], 7, 2 * number)
        check_result(answers[2 * number + 1], [big], 2 * number + 1)
    connection.expect_alive()


@case("R21: three large calls back of one batch leave room for what the client asks before it answers")
def _(t):
    connection = t.connect()
    pad = {"method": "client/m", "params": ["y" * 5_000_000]}
    connection.send([request("call_back", pad, id) for id in range(3)], note=False)
    calls = [connection.receive(30) for _ in range(3)]
    connection.expect_alive()
    for called in calls:
        connection.send({"jsonrpc": "2.0", "id": called["id"], "result": 7})
    check([answer["result"] for answer in connection.receive(30)] == [7, 7, 7], "a call back was lost")


@case("R29: all that was sent before the end of the input is answered, however long the queue was", transports=STDIO)
def _(t):
    for _label, kind in KINDS[:1] + KINDS[2:3]:
        ends = Ends(t, kind)
        ends.drop()
        connection = ends.connection
        connection.send(request("sleep", {"ms": 1500}, 0), *(request("echo", [id], id) for id in range(1, 30_000)), note=False)
        ends.end_input()
        seen = sorted(connection.receive()["id"] for _ in range(30_000))
        check(seen == list(range(30_000)), f"{len(seen)} answers ({kind})")
        ends.server.expect_exit(0, 8, f"end of input ({kind})")
