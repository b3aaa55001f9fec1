"""R26 to R28: descriptors of every kind, how they are left, and stderr."""

import contextlib
import os
import signal
import socket

from connection import Failure, brief, check, check_error, check_result, request
from descriptors import KINDS, Ends, Recorded, opened
from harness import LISTENERS, STDIO, case
from messages import LONG, session
from process import eventually


# R26

def exercise(connection):
    connection.send(
        request("sleep", {"ms": 30}, "s"),
        request("echo", ["x" * 200_000], "e"),
        request("none", id="n"),
        note=False,
    )
    check_result(connection.response("e"), ["x" * 200_000], "e")
    check_error(connection.response("n"), -32601, "n")
    check_result(connection.response("s"), 30, "s")
    connection.expect_alive()


@case("R26: stdin and stdout as {} work", transports=STDIO, table=KINDS)
def _(t, kind):
    ends = Ends(t, kind)
    ends.drop()
    exercise(ends.connection)
    ends.end_input()
    ends.server.expect_exit(0 if kind in ("pipe", "sockets") else range(256), what=kind)


@case("R26: {} that the parent made non-blocking work", transports=STDIO, table=KINDS)
def _(t, kind):
    ends = Ends(t, kind, nonblocking=True)
    ends.drop()
    exercise(ends.connection)


@case("R26: one terminal for stdin, stdout and stderr works", transports=STDIO)
def _(t):
    ends = Ends(t, "terminal", stderr=True)
    exercise(ends.connection)
    check(ends.flags() == [False], "the terminal is non-blocking while the server runs")
    ends.drop()


SESSION = [request("echo", ["f" * 50, id], id) for id in range(3000)] + [
    request("bump"),
    request("sleep", {"ms": 80}, "s"),
    b"{",
    request("count", id="c"),
]


def check_session(messages):
    got = {}
    for message in messages:
        check(message["id"] not in got, f"two answers: {brief(message)}")
        got[message["id"]] = message
    check(len(got) == 3003, f"{len(got)} of 3003 answers came")
    for id in range(3000):
        check_result(got[id], ["f" * 50, id], id)
    check_result(got["s"], 80, "s")
    check_result(got["c"], 1, "c")
    check_error(got[None], -32700)


def files(t, append=False):
    with open(t.path("session"), "wb") as file:
        file.write(session(t.framing, *SESSION))
    stdin = os.open(t.path("session"), os.O_RDONLY)
    stdout = os.open(t.path("out"), os.O_RDWR | os.O_CREAT | (os.O_APPEND if append else 0), 0o600)
    return stdin, stdout


@case("R26: `server < session > out` answers a whole session from a file into a file", transports=STDIO)
def _(t):
    for append in (False, True):
        with opened(*files(t, append)) as (stdin, stdout):
            server = t.start(stdin=stdin, stdout=stdout)
            server.expect_exit(0)
        with open(t.path("out"), "rb") as file:
            check_session(Recorded(t, server, file.read()).messages())
        os.unlink(t.path("out"))


@case("R26: a file as stdin and a pipe as stdout, and the other way round", transports=STDIO)
def _(t):
    with opened(*files(t)) as (stdin, stdout):
        server = t.start(stdin=stdin)
        connection = t.adopt(server, server._stdout, os.open(os.devnull, os.O_WRONLY))
        server._stdout = None
        check_session([connection.receive() for _ in range(3003)])
        connection.expect_closed()
        server.expect_exit(0)
        server = t.start(stdout=stdout)
        connection = t.adopt(server, os.open(os.devnull, os.O_RDONLY), server._stdin)
        server._stdin = None
        connection.send_raw(session(t.framing, *SESSION), read=False, note=False)
        connection.half_close()
        server.expect_exit(0)
    with open(t.path("out"), "rb") as file:
        check_session(Recorded(t, server, file.read()).messages())


@case("R26: /dev/null as stdin is the end of input at once", transports=STDIO)
def _(t):
    with opened(os.open(os.devnull, os.O_RDONLY)) as (null,):
        server = t.start(stdin=null)
        connection = t.adopt(server, server._stdout, os.dup(null))
        server._stdout = None
        connection.expect_closed()
        server.expect_exit(0)


@case("R26: /dev/null as stdout takes the answers", transports=STDIO)
def _(t):
    with opened(os.open(os.devnull, os.O_WRONLY)) as (null,):
        server = t.start(stdout=null)
        connection = t.adopt(server, os.open(os.devnull, os.O_RDONLY), server._stdin)
        server._stdin = None
        connection.send_raw(session(t.framing, *SESSION), read=False, note=False)
        connection.half_close()
        server.expect_exit(0)


@case("R26: /dev/null as both, as under a service manager, ends with 0", transports=STDIO)
def _(t):
    with opened(os.open(os.devnull, os.O_RDWR)) as (null,):
        t.start(stdin=null, stdout=null).expect_exit(0)


CLOSED = [("stdin", (0,)), ("stdout", (1,)), ("stdin and stdout", (0, 1)), ("all three", (0, 1, 2))]


@case("R26: a closed {} is an error, not a crash", transports=STDIO, table=CLOSED)
def _(t, descriptors):
    def close():
        for descriptor in descriptors:
            os.close(descriptor)

    server = t.start(before=close)
    server.expect_exit(range(1, 128), what="with a closed descriptor")
    if 2 not in descriptors:
        check(server.errors.strip(), "no message on stderr")
    if 1 not in descriptors:
        check(os.read(server._stdout, 100) == b"", "something on stdout")


@case(
    "R26: stdin that can't be read or stdout that can't be written is an error, not a crash", transports=STDIO
)
def _(t):
    with opened(os.open(os.devnull, os.O_WRONLY)) as (write_only,):
        t.start(stdin=write_only).expect_exit(range(1, 128), what="stdin open for writing only")
    with opened(os.open("/", os.O_RDONLY)) as (directory,):
        t.start(stdin=directory).expect_exit(range(1, 128), what="a directory as stdin")
    with opened(os.open(os.devnull, os.O_RDONLY)) as (read_only,):
        server = t.start(stdout=read_only)
        connection = t.adopt(server, os.open(os.devnull, os.O_RDONLY), server._stdin)
        server._stdin = None
        connection.send(request("echo", [], 1), read=False, tolerate=True)
        server.expect_exit(range(1, 128), what="stdout open for reading only")


@case("R26: a full device as stdout ends the server within 5 s", transports=STDIO)
def _(t):
    with opened(os.open("/dev/full", os.O_WRONLY)) as (full,):
        server = t.start(stdout=full)
        connection = t.adopt(server, os.open(os.devnull, os.O_RDONLY), server._stdin)
        server._stdin = None
        connection.send(request("echo", [], 1), read=False, tolerate=True)
        server.expect_exit(range(1, 128), 5, "stdout on a full device")


# R27


def leave_by_end_of_input(ends):
    ends.end_input()


def leave_by_exit(ends):
    ends.connection.send(request("shutdown", id="bye"), request("exit"))


def leave_by_bare_exit(ends):
    ends.connection.send(request("exit"))


def leave_by_refusal(ends):
    ends.connection.send_raw(b"POST / HTTP/1.1\r\n")


def leave_by_broken_output(ends):
    connection = ends.connection
    connection.send(request("sleep", {"ms": 100}, 1))
    connection.wait_consumed()
    connection.stop_reading()


def leave_by_signal(number):
    return lambda ends: ends.server.signal(number)


WAYS_OUT = [
    ("the end of input", leave_by_end_of_input), ("shutdown and exit", leave_by_exit), ("exit alone", leave_by_bare_exit),
    ("a refused stream", leave_by_refusal), ("broken output", leave_by_broken_output), ("SIGTERM", leave_by_signal(signal.SIGTERM)),
    ("SIGINT", leave_by_signal(signal.SIGINT)),
]


@case("R27: O_NONBLOCK is not left on inherited descriptors after {}", transports=STDIO, table=WAYS_OUT)
def _(t, leave):
    for _label, kind in KINDS:
        if leave is leave_by_broken_output and kind != "pipe":
            continue
        for work in (False, True):
            ends = Ends(t, kind)
            ends.connection.expect_alive()
            if work:
                ends.connection.send(request("sleep", {"ms": 300}, "pending"))
            if leave is leave_by_end_of_input and ends.connection.reader == ends.connection.writer and work:
                ends.drop()  # the kept copies would read what the server is to read
                continue
            leave(ends)
            ends.server.expect_exit(range(128), 8, kind)
            check(not any(ends.flags()), f"O_NONBLOCK is left on {kind} (pending work: {work})")
            ends.drop()


@case("R27: descriptors that were non-blocking before are so afterwards", transports=STDIO)
def _(t):
    for _label, kind in KINDS:
        ends = Ends(t, kind, nonblocking=True)
        ends.connection.expect_alive()
        ends.server.signal(signal.SIGTERM)
        ends.server.expect_exit(range(128), 8, kind)
        check(all(ends.flags()), f"O_NONBLOCK was taken off {kind}")
        ends.drop()


@case("R27: O_NONBLOCK is not set on inherited {} while the server runs", transports=STDIO, table=KINDS)
def _(t, kind):
    ends = Ends(t, kind)
    ends.connection.expect_alive()
    ends.connection.send(request("sleep", LONG, 1))
    ends.connection.expect_alive()
    check(not any(ends.flags()), f"O_NONBLOCK is set on the parent's {kind} while the server runs")
    ends.drop()


@case(
    "R27: SIGTERM is a clean exit {}",
    table=[
        ("when idle", "idle"),
        ("with work pending", "work"),
        ("in the middle of a message", "part"),
        ("with output nobody reads", "blocked"),
        ("with a full queue", "full"),
    ],
)
def _(t, state):
    server = t.start("--max-in-flight", 4, "--overload", "wait")
    connection = server.connect()
    connection.expect_alive()
    if state == "work":
        connection.send(request("sleep", LONG, 1), request("call_back", {"method": "m", "params": []}, 2))
        check(connection.receive().get("method") == "m", "a call back was due")
    elif state == "part":
        connection.send_raw(connection.frame(request("echo", ["x" * 1000], 1))[:600])
        connection.wait_consumed()
    elif state == "blocked":
        connection.send_until_stalled(connection.frame(request("echo", ["b" * 50_000], 1)) * 400, 0.5)
    elif state == "full":
        connection.send(*(request("sleep", LONG, id) for id in range(50)))
        connection.wait_consumed()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5, f"SIGTERM {state}")
    if t.transport == "unix":
        check(not os.path.lexists(server.address), "the socket file is still there")


@case("R27: SIGINT is a clean exit")
def _(t):
    server = t.start()
    connection = server.connect()
    connection.send(request("sleep", LONG, 1))
    connection.expect_alive()
    server.signal(signal.SIGINT)
    server.expect_exit((0, 130), 5, "SIGINT")
    if t.transport == "unix":
        check(not os.path.lexists(server.address), "the socket file is still there")


# R28


def full_pipe():
    """A pipe nobody reads, filled to the last byte."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for size in (65536, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * size)
    os.set_blocking(writer, True)
    return reader, writer


def connect_blindly(t, server):
    """To a listener whose stderr can't be read."""
    if t.stdio:
        return server.connect()

    def listens():
        try:
            server.connect().close()
            return True
        except Failure:
            return False

    eventually(listens, t.seconds(8), "no listener came up")
    return server.connect()


def free_port():
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


STDERRS = [("closed", "closed"), ("full", "full"), ("a full device", "device"), ("a broken pipe", "broken")]


@case("R28: the service goes on while stderr is {}", table=STDERRS)
def _(t, kind):
    port = free_port()
    settings = {"ready": False, "address": f"127.0.0.1:{port}" if t.transport == "tcp" else None}
    reader = writer = -1
    if kind == "closed":
        writer = os.open(os.devnull, os.O_WRONLY)
        settings["before"] = lambda: os.close(2)
    elif kind == "device":
        writer = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, writer = full_pipe()
        if kind == "broken":
            os.close(reader)
            reader = -1
    with opened(*(descriptor for descriptor in (reader, writer) if descriptor >= 0)):
        server = t.start(stderr=writer, **settings)
        server.port = port
        connection = connect_blindly(t, server)
        for id in range(200):
            connection.send(
                request("throw", [], id),
                request("none", [], f"n{id}"),
                request("update", ["x"]),
                b"{",
                request("none"),
            )
            connection.expect_error(-32603, id)
            connection.expect_error(-32601, f"n{id}")
            connection.expect_error(-32700)
        connection.expect_alive()
        server.signal(signal.SIGTERM)
        server.expect_exit(0, 5)


@case("R28: stdout carries protocol bytes only, whatever comes in", transports=STDIO)
def _(t):
    connection = t.connect()
    for id in range(50):
        connection.send(
            request("throw", [], id),
            b"{]",
            request("update", ["x"]),
            request("nothing"),
            b"[1,2]",
            request("fail", {"code": 1, "message": "m"}, "f"),
        )
        for _ in range(4):
            connection.receive()
    connection.request("shutdown", id="bye")
    check_result(connection.receive(), None, "bye")
    connection.notify("exit")
    connection.expect_closed()
    connection.server.expect_exit(0)


@case("R28: a listening server writes nothing on stdout", transports=LISTENERS)
def _(t):
    reader, writer = os.pipe()
    with opened(reader):
        with opened(writer):
            server = t.start(stdout=writer)
        connection = server.connect()
        connection.send(request("throw", [], 1), b"{")
        connection.expect_error(-32603, 1)
        connection.expect_error(-32700)
        server.signal(signal.SIGTERM)
        server.expect_exit(0, 5)
        check(os.read(reader, 100) == b"", "a listening server wrote on stdout")
