"""R23 to R25: timers, leaks, idleness; and the rate that the issue asks for."""

import os
import select
import time

from connection import brief, check, check_error, check_result, parse, request
from harness import LISTENERS, STDIO, case
from messages import LONG, WAIT, cancel
from process import eventually


# R23

HUGE = [
    (str(ms), ms)
    for ms in (
        2**31 - 1,
        2**31,
        2**31 + 1,
        2**32,
        2**32 + 1,
        10**12,
        10**15,
        10**18,
        2**63 - 1,
        2**63,
        2**64 - 1,
    )
]


@case("R23: sleeps of up to 2^64-1 ms wait or are -32602, and never return early")
def _(t):
    connection = t.connect("--max-in-flight", 100)
    waiting = set()
    for _, ms in HUGE:
        connection.request("sleep", {"ms": ms}, ms)
    connection.send(request("sleep", {"ms": 400}, "marker"))
    early = []
    marker = connection.response("marker")
    check_result(marker, 400, "marker")
    for message in connection.stash:
        early.append(message["id"])
        check_error(message, -32602, message["id"], "a sleep came back early")
    connection.stash.clear()
    waiting = {ms for _, ms in HUGE} - set(early)
    for ms in waiting:
        connection.send(cancel(ms))
        check_error(connection.response(ms), -32800, ms)
    connection.expect_alive()


@case("R23: a sleep of 0 returns at once, a negative one at once or -32602")
def _(t):
    connection = t.connect()
    started = time.monotonic()
    check(connection.result("sleep", {"ms": 0}) == 0, "sleep 0 gave another number")
    for ms in (-1, -(2**31), -(2**63)):
        message = connection.call("sleep", {"ms": ms})
        check("result" in message or message["error"]["code"] == -32602, brief(message))
    check(time.monotonic() - started < t.seconds(1), "a sleep of nothing took long")


# R24


def churn(connection, rounds):
    """Errors, cancellations and refusals of every kind, each waited for."""
    for id in range(rounds):
        connection.send(
            request("none", ["x" * 50], id), b"{", b"[]", request("throw", [], -1 - id), request("subtract", ["x"], f"w{id}"),
            request("sleep", LONG, f"s{id}"), cancel(f"s{id}"), request("none"), request("sleep", LONG, f"q{id}"), request("echo", [], f"q{id}"),
            cancel(f"q{id}"), {"jsonrpc": "2.0", "id": id, "result": id}, note=False,
        )
        for _ in range(8):
            check("error" in connection.receive(), "an error was due")


@case(
    "R24: memory and descriptors return to the baseline after thousands of errors and cancellations",
    seconds=90,
)
def _(t):
    server = t.start("--max-in-flight", 10)
    connection = server.connect()
    churn(connection, 300)
    memory, descriptors = server.resident(), server.descriptors()
    churn(connection, 1500)
    moved = server.resident() - memory
    check(moved < (6 << 20) * (4 if t.asan else 1), f"memory grew by {moved >> 10} KiB")
    check(server.descriptors() == descriptors, f"{descriptors} descriptors became {server.descriptors()}")


def disconnect(server, kind, framing):
    connection = server.connect()
    try:
        if kind == 0:
            connection.send(
                request("sleep", LONG, 1), request("call_back", {"method": "m", "params": []}, 2), note=False
            )
        elif kind == 1:
            connection.send_raw(
                b'Content-Length: 500\r\n\r\n{"json' if framing != "newline" else b'{"jsonrpc"',
                tolerate=True,
                note=False,
            )
        elif kind == 2:
            connection.send(request("echo", ["e" * 100_000], 1), note=False)
        elif kind == 3:
            connection.send_raw(b"GET / HTTP/1.1\r\n\r\n", tolerate=True, note=False)
        if kind % 2 and server.transport == "tcp":
            connection.reset()
        elif kind == 4:
            connection.half_close()
    finally:
        connection.close()
        server.trial.connections.remove(connection)


@case(
    "R24: memory and descriptors return to the baseline after two thousand disconnections",
    transports=LISTENERS,
    seconds=90,
)
def _(t):
    server = t.start()
    witness = server.connect()

    def round_():
        # A few at a time: the high-water mark of a crowd is no leak.
        for number in range(500):
            disconnect(server, number % 5, t.framing)
            if number % 10 == 9:
                witness.expect_alive()
        # A peer that only stopped sending looks the same as one that left, and is owed ten seconds.
        eventually(
            lambda: server.descriptors() <= descriptors,
            t.seconds(15),
            lambda: f"{descriptors} descriptors became {server.descriptors()}",
        )
        witness.expect_alive()
        return server.resident()

    witness.expect_alive()
    descriptors = server.descriptors()
    round_()
    memory = round_()
    moved = max(round_(), round_()) - memory
    check(moved < (8 << 20) * (4 if t.asan else 1), f"memory grew by {moved >> 10} KiB")


@case("R24: four hundred connections that served a request and wait take under 64 MiB", transports=LISTENERS)
def _(t):
    server = t.start()
    server.connect().expect_alive()
    before = server.peak()
    for _ in range(400):
        server.connect().expect_alive()
    moved = server.peak() - before
    check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB")


# R25


def part(connection):
    return b"Content-Len" if connection.framing != "newline" else b'{"jsonrpc":"2'


def idle_connected(t, server):
    server.connect().expect_alive()


def idle_partial_header(t, server):
    connection = server.connect()
    connection.send_raw(part(connection))
    connection.wait_consumed()


def idle_partial_body(t, server):
    connection = server.connect()
    connection.send_raw(connection.frame(request("echo", ["x" * 5000], 1))[:3000])
    connection.wait_consumed()


def idle_pending(t, server):
    connection = server.connect()
    connection.send(request("sleep", LONG, 1), request("call_back", {"method": "m", "params": []}, 2))
    check(connection.receive()["method"] == "m", "a call back was due")


def idle_full(t, server):
    connection = server.connect()
    connection.send(*(request("sleep", LONG, id) for id in range(30)))
    connection.wait_consumed()


def idle_half_closed(t, server):
    connection = server.connect()
    connection.expect_alive()
    connection.send(request("sleep", LONG, 1))
    connection.half_close()
    time.sleep(0.1)


def idle_blocked(t, server):
    connection = server.connect()
    connection.send_until_stalled(connection.frame(request("echo", ["b" * 50_000], 1)) * 600, 0.5)


IDLE = [
    ("with a connection", idle_connected, ()), ("in the middle of a header or line", idle_partial_header, ()),
    ("in the middle of a message", idle_partial_body, ()), ("with work pending", idle_pending, ()),
    ("with a full limit and queue", idle_full, ("--max-in-flight", 1, *WAIT)), ("after the end of input with work pending", idle_half_closed, ()),
    ("with output nobody reads", idle_blocked, ()),
]


@case("R25: the server uses no processor time {}", table=IDLE)
def _(t, prepare, options):
    server = t.start(*options)
    prepare(t, server)
    server.expect_idle("idle")


@case("R25: the server uses no processor time after connections ended in every way", transports=LISTENERS)
def _(t):
    server = t.start()
    server.expect_idle("without a connection", 0.5)
    for kind in range(5):
        disconnect(server, kind, t.framing)
    server.expect_serving()
    server.expect_idle("after its connections ended")


# The rate


@case(
    "rate: 100,000 pipelined echo requests through stdio in under 2 s",
    transports=STDIO,
    serial=True,
    seconds=60,
)
def _(t):
    count = 100_000
    connection = t.connect()
    connection.expect_alive()
    data = memoryview(b"".join(connection.frame(request("echo", [id], id)) for id in range(count)))
    best = None
    for _ in range(3):
        taken = pipelined(t, connection, data, count)
        best = min(best or taken, taken)
        if best < 1.5:
            break
    t.note(f"{count} echo requests in {best:.2f} s ({count / best:,.0f} a second)")
    check(t.asan or t.scale > 1 or best < 2, f"{count} requests took {best:.2f} s")


def pipelined(t, connection, data, count):
    """Seconds from the first byte out to the last answer in; both are checked afterwards."""
    came, closing, position = [], 0, 0
    deadline = time.monotonic() + t.seconds(30)
    poller = select.poll()
    poller.register(connection.reader, select.POLLIN)
    poller.register(connection.writer, select.POLLOUT)
    started = time.monotonic()
    while closing < count:
        check(time.monotonic() < deadline, f"{closing} of {count} answers came in time")
        for descriptor, _events in poller.poll(1000):
            if descriptor == connection.writer:
                position += os.write(connection.writer, data[position : position + (1 << 20)])
                if position == len(data):
                    poller.unregister(connection.writer)
            else:
                block = os.read(connection.reader, 1 << 20)
                check(block, "the connection ended")
                closing += block.count(b"}")  # each answer has one
                came.append(block)
    taken = time.monotonic() - started
    connection.inbox += b"".join(came)
    seen = set()
    while connection.inbox:
        message = parse(connection.receive_frame())
        check(message.get("result") == [message["id"]], f"a wrong answer: {brief(message)}")
        seen.add(message["id"])
    check(len(seen) == count, f"{len(seen)} different answers to {count} requests")
    return taken
