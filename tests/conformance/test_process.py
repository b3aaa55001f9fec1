"""R26 to R32 and R37: descriptors, signals, the end of input and of output, shutdown, command lines."""

import contextlib
import fcntl
import os
import pty
import resource
import signal
import socket
import time
import tty

from connection import ABSENT, Failure, brief, check, check_error, check_result, encode, parse, request
from harness import LISTENERS, STDIO, case
from process import eventually

LONG = {"ms": 60000}


def session(connection_framing, *messages):
    """The bytes of a whole conversation, without a connection."""
    data = b""
    for message in messages:
        body = encode(message)
        data += body + b"\n" if connection_framing == "newline" else b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    return data


class Recorded:
    """Output that was written to a file, read like a connection."""

    def __init__(self, t, server, data):
        reader, writer = os.pipe()
        self.connection = t.adopt(server, reader, writer)
        self.connection.inbox += data
        self.connection.ended = True

    def messages(self):
        while (body := self.connection.receive_frame()) is not None:
            yield parse(body)


@contextlib.contextmanager
def opened(*descriptors):
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)


# R26

KINDS = [("pipes", "pipe"), ("one socket pair", "socket"), ("two socket pairs", "sockets"), ("a terminal", "terminal")]


class Ends:
    """A server on descriptors of a kind, of which the test keeps copies: they share the open file description."""

    def __init__(self, t, kind, nonblocking=False, stderr=False):
        self.t = t
        if kind == "pipe":
            stdin, writer = os.pipe()
            reader, stdout = os.pipe()
        elif kind == "socket":
            ours, theirs = socket.socketpair()
            stdin = stdout = theirs.detach()
            reader = writer = ours.detach()
        elif kind == "sockets":
            first, second = socket.socketpair(), socket.socketpair()
            stdin, writer = first[0].detach(), first[1].detach()
            reader, stdout = second[0].detach(), second[1].detach()
        else:
            reader, stdin = pty.openpty()
            writer, stdout = reader, stdin
            tty.setraw(stdin)
        self.kept = {stdin, stdout}
        for descriptor in self.kept:
            os.set_blocking(descriptor, not nonblocking)
        self.server = t.start(stdin=stdin, stdout=stdout, stderr=stdout if stderr else None)
        self.connection = t.adopt(self.server, reader, writer)

    def drop(self):
        for descriptor in self.kept:
            os.close(descriptor)
        self.kept = set()

    def flags(self):
        return [bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK) for descriptor in self.kept]

    def end_input(self):
        connection = self.connection
        if connection.reader != connection.writer:
            connection.half_close()
        else:
            os.close(connection.writer)
            connection.reader = connection.writer = -1
            connection.ended = True


def exercise(connection):
    connection.send(request("sleep", {"ms": 30}, "s"), request("echo", ["x" * 200_000], "e"), request("none", id="n"), note=False)
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


SESSION = [request("echo", ["f" * 50, id], id) for id in range(3000)] + [request("bump"), request("sleep", {"ms": 80}, "s"), b"{", request("count", id="c")]


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


@case("R26: stdin that can't be read or stdout that can't be written is an error, not a crash", transports=STDIO)
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
]  # fmt: skip


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


@case("R27: SIGTERM is a clean exit {}", table=[("when idle", "idle"), ("with work pending", "work"), ("in the middle of a message", "part"), ("with output nobody reads", "blocked"), ("with a full queue", "full")])
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
            connection.send(request("throw", [], id), request("none", [], f"n{id}"), request("update", ["x"]), b"{", request("none"))
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
        connection.send(request("throw", [], id), b"{]", request("update", ["x"]), request("nothing"), b"[1,2]", request("fail", {"code": 1, "message": "m"}, "f"))
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


# R29

def expect_end(t, connection, codes=0, seconds=8):
    connection.expect_closed(seconds)
    if t.stdio:
        connection.server.expect_exit(codes, seconds, "after the end of input")
    else:
        connection.server.expect_serving()


@case("R29: what was read whole before the end of input is answered, then exit 0")
def _(t):
    connection = t.connect()
    connection.send(*(request("echo", [id], id) for id in range(1000)), request("sleep", {"ms": 300}, "s"), note=False)
    connection.half_close()
    for id in range(1000):
        check_result(connection.response(id), [id], id)
    check_result(connection.response("s"), 300, "s")
    expect_end(t, connection)


@case("R29: queued requests are answered after the end of input")
def _(t):
    connection = t.connect("--max-in-flight", 1, "--overload", "wait")
    connection.send(*(request("sleep", {"ms": 60}, id) for id in range(12)), [request("sleep", {"ms": 60}, "b"), request("echo", [], "e")])
    connection.half_close()
    for id in range(12):
        check_result(connection.receive(), 60, id)
    check(sorted(item["id"] for item in connection.receive()) == ["b", "e"], "the batch was lost")
    expect_end(t, connection)


@case("R29: the end of input without a message is exit 0")
def _(t):
    connection = t.connect()
    connection.half_close()
    expect_end(t, connection)


@case("R29: work that would last longer ends within 10 s of the end of input", seconds=30)
def _(t):
    connection = t.connect()
    connection.send(request("sleep", LONG, "long"), request("echo", [1], "short"))
    connection.half_close()
    check_result(connection.response("short"), [1], "short")
    body = connection.receive_frame(12)
    if body is not None:  # the long one may be told that it was cancelled
        message = parse(body)
        check_error(message, message.get("error", {}).get("code"), "long")
    expect_end(t, connection, seconds=3)


@case("R29: a call back pending at the end of input does not keep the server")
def _(t):
    connection = t.connect()
    connection.send(request("call_back", {"method": "client/m", "params": []}, 1))
    check(connection.receive().get("method") == "client/m", "a call back was due")
    connection.half_close()
    body = connection.receive_frame(12)
    if body is not None:
        check_error(parse(body), parse(body).get("error", {}).get("code"), 1)
        connection.expect_closed(12)
    if t.stdio:
        connection.server.expect_exit(0, 5)


def fragments(framing):
    whole = session(framing, request("echo", ["x" * 100], "fragment"))
    cuts = (len(whole) // 2, 3, len(whole) - 3) if framing == "newline" else (4, 16, 19, len(whole) // 2, len(whole) - 1)
    return [whole[:cut] for cut in cuts]


@case("R29: a fragment at the end of input is dropped, what came before is answered, exit 0")
def _(t):
    for fragment in fragments(t.framing):
        connection = t.connect()
        connection.send_raw(session(t.framing, request("sleep", {"ms": 40}, 1), request("echo", [2], 2)) + fragment)
        connection.half_close()
        check_result(connection.response(2), [2], 2)
        check_result(connection.response(1), 40, 1)
        expect_end(t, connection)


@case("R29: a last line without LF is answered or dropped, never half done", framings=("newline",))
def _(t):
    connection = t.connect()
    connection.send_raw(encode(request("echo", [1], 1)))
    connection.half_close()
    body = connection.receive_frame()
    if body is not None:
        check_result(parse(body), [1], 1)
    if body is not None:
        connection.expect_closed()
    if t.stdio:
        connection.server.expect_exit(0)


@case("R29: end of input while nobody reads the answers still ends the server within 10 s", transports=STDIO, seconds=30)
def _(t):
    connection = t.connect()
    connection.send_until_stalled(connection.frame(request("echo", ["b" * 50_000], 1)) * 100, 0.5)
    connection.half_close()
    connection.server.expect_exit(range(128), 12, "end of input with blocked output")


# R30, R32

@case("R30: a server whose answer nobody can read ends within 5 s, not by SIGPIPE", transports=STDIO)
def _(t):
    for late in (False, True):
        connection = t.connect()
        connection.expect_alive()
        if late:
            connection.send(request("sleep", {"ms": 300}, 1))
            connection.wait_consumed()
        connection.stop_reading()
        if not late:
            connection.send(request("echo", ["x" * 300_000], 1), read=False, tolerate=True)
        connection.server.expect_exit(range(128), 5, "write side gone")


@case("R30: an idle server notices within 5 s that nobody can read it any more", transports=STDIO)
def _(t):
    for _label, kind in KINDS[:1] + KINDS[2:3]:
        ends = Ends(t, kind)
        ends.drop()
        ends.connection.expect_alive()
        ends.connection.stop_reading()
        ends.server.expect_exit(range(128), 5, f"write side gone, idle ({kind})")


@case("R30: output that breaks while it is blocked ends the server within 5 s", transports=STDIO)
def _(t):
    connection = t.connect()
    connection.send_until_stalled(connection.frame(request("echo", ["b" * 50_000], 1)) * 100, 0.5)
    connection.stop_reading()
    connection.server.expect_exit(range(128), 5, "write side gone while blocked")


@case("R30: a peer that leaves before its answer does not end a listening server", transports=LISTENERS)
def _(t):
    server = t.start()
    for number in range(60):
        connection = server.connect()
        connection.send(request("echo", ["x" * 500_000], 1), request("sleep", {"ms": number % 7}, 2), read=False, note=False)
        if t.transport == "tcp" and number % 2:
            connection.reset()
        else:
            connection.close()
    server.expect_serving()


@case("R32: the death of the parent ends the server, with work pending as well", transports=STDIO)
def _(t):
    for work in ((), (request("sleep", {"ms": 200}, 1),), (request("sleep", LONG, 1),)):
        connection = t.connect()
        connection.expect_alive()
        connection.send(*work)
        connection.wait_consumed()
        connection.close()
        connection.server.expect_exit(range(128), 5 if work != (request("sleep", LONG, 1),) else 12, "parent gone")


# R31

def expect_exit_code(t, connection, code):
    """A stdio server exits so; a listening one exits so or ends just this connection."""
    connection.expect_closed(5)
    if t.stdio:
        connection.server.expect_exit(code, 5, "exit")
        return
    try:
        connection.server.expect_exit(code, 0.5)
    except Failure:
        connection.server.expect_serving()


PARAMS = [("no params", ABSENT), ("null params", None), ("[] as params", []), ("{} as params", {})]


@case("R31: shutdown and exit with {} end with 0", table=PARAMS)
def _(t, params):
    connection = t.connect()
    check_result(connection.call("shutdown", params, "bye"), None, "bye")
    connection.notify("exit", params)
    expect_exit_code(t, connection, 0)


@case("R31: exit without shutdown with {} ends with 1", table=PARAMS)
def _(t, params):
    connection = t.connect()
    connection.expect_alive()
    connection.notify("exit", params)
    expect_exit_code(t, connection, 1)


@case("R31: shutdown and exit in one write, and in one batch: the answer comes before the end")
def _(t):
    connection = t.connect()
    connection.send(request("shutdown", None, 1), request("exit"))
    check_result(connection.receive(), None, 1)
    expect_exit_code(t, connection, 0)
    connection = t.connect()
    connection.send([request("shutdown", id=1), request("exit")])
    answer = connection.receive()
    check(isinstance(answer, list) and len(answer) == 1, f"an array of one was due: {brief(answer)}")
    check_result(answer[0], None, 1)
    expect_exit_code(t, connection, 0)


@case("R31: requests after shutdown are -32600, notifications are ignored")
def _(t):
    connection = t.connect()
    connection.send(request("bump"), request("shutdown", id=0), request("echo", [], 1), request("none", [], 2), request("bump"), request("none"))
    check_result(connection.receive(), None, 0)
    connection.expect_error(-32600, 1)
    connection.expect_error((-32600, -32601), 2)
    connection.send(request("shutdown", id=3), [request("echo", [], 4)])
    connection.expect_error(-32600, 3)
    check_error(connection.receive()[0], -32600, 4)
    connection.notify("exit")
    expect_exit_code(t, connection, 0)


@case("R31: shutdown lets what runs be finished or cancelled, and answers it once")
def _(t):
    connection = t.connect()
    connection.send(request("sleep", {"ms": 150}, "running"), request("shutdown", id="bye"))
    check_result(connection.response("bye"), None, "bye")
    message = connection.response("running")
    check("result" in message or message["error"]["code"] == -32800, brief(message))
    connection.notify("exit")
    expect_exit_code(t, connection, 0)


BUSY = [("sleeps running", "sleeps"), ("a full queue", "queue"), ("a call back pending", "call"), ("output nobody reads", "blocked")]


@case("R31: exit ends the server within 5 s with {}", table=BUSY, transports=STDIO)
def _(t, state):
    for code in (1, 0):
        connection = t.connect("--max-in-flight", 3, "--overload", "wait") if state == "queue" else t.connect()
        if state == "sleeps":
            connection.send(*(request("sleep", LONG, id) for id in range(10)))
        elif state == "call":
            connection.send(request("call_back", {"method": "m", "params": []}, 1))
            check(connection.receive().get("method") == "m", "a call back was due")
        if code == 0:
            connection.request("shutdown", id="bye")
            check_result(connection.response("bye"), None, "bye")
        if state == "queue":
            if code == 0:  # nothing is taken on after shutdown, so nothing can fill the queue
                connection.notify("exit")
                connection.server.expect_exit(0, 5, state)
                continue
            connection.send(*(request("sleep", LONG, id) for id in range(12)))
        elif state == "blocked":
            frame = connection.frame(request("echo", ["b" * 10_000], 1))
            connection.send_raw(frame * 12, read=False)
        connection.send(request("exit"), read=False)
        connection.server.expect_exit(code, 5, state)


# R37

BAD_LINES = [
    ("an unknown option", ["--no-such-option"]), ("an unknown short option", ["-x"]), ("a stray word", ["word"]),
    ("an unknown framing", ["--framing", "xml"]), ("--framing without a value", ["--framing"]), ("an empty framing", ["--framing", ""]),
    ("--tcp without a value", ["--tcp"]), ("--unix without a value", ["--unix"]), ("an empty --tcp", ["--tcp", ""]), ("an empty --unix", ["--unix", ""]),
    ("--tcp without a port", ["--tcp", "127.0.0.1"]), ("a port too high", ["--tcp", "127.0.0.1:65536"]), ("a huge port", ["--tcp", "127.0.0.1:99999999999999999999"]),
    ("a port that is no number", ["--tcp", "127.0.0.1:http2x"]), ("a negative port", ["--tcp", "127.0.0.1:-1"]), ("a port with a tail", ["--tcp", "127.0.0.1:80x"]),
    ("an address of nobody", ["--tcp", "192.0.2.1:0"]), ("an unknown host", ["--tcp", "no-such-host.invalid:0"]),
    ("a limit that is no number", ["--max-message-bytes", "many"]), ("a negative limit", ["--max-message-bytes", "-1"]), ("a limit with a tail", ["--max-message-bytes", "10x"]),
    ("an empty limit", ["--max-message-bytes", ""]), ("a limit wider than 64 bits", ["--max-message-bytes", "99999999999999999999"]),
    ("--max-message-bytes without a value", ["--max-message-bytes"]), ("a fractional limit", ["--max-message-bytes", "1.5"]),
    ("--max-in-flight that is no number", ["--max-in-flight", "few"]), ("a negative --max-in-flight", ["--max-in-flight", "-3"]), ("--max-in-flight without a value", ["--max-in-flight"]),
    ("an unknown --overload", ["--overload", "panic"]), ("--overload without a value", ["--overload"]), ("an unknown option behind good ones", ["--stdio", "--framing", "newline", "--bogus"]),
    ("a socket path too long", ["--unix", "/tmp/" + "a" * 200]), ("a socket path nowhere", ["--unix", "/no/such/directory/socket"]),
]  # fmt: skip


@case("R37: {} is a message on stderr, an exit code above 0 and nothing on stdout", transports=STDIO, framings=("content-length",), table=BAD_LINES)
def _(t, options):
    server = t.start(*options)
    server.expect_exit(range(1, 128), 8, f"options {options}")
    check(server.errors.strip(), f"options {options}: no message on stderr")
    check(os.read(server._stdout, 100) == b"", f"options {options}: something on stdout")


@case("R37: --stdio is the default and may be given", transports=STDIO)
def _(t):
    t.connect("--stdio").expect_alive()
    t.connect().expect_alive()


@case("R37: the order of options doesn't matter", framings=("newline",))
def _(t):
    server = t.start("--overload", "reject", "--max-in-flight", 1, "--max-message-bytes", 500)
    connection = server.connect()
    connection.send(request("sleep", {"ms": 100}, 1), request("echo", [], 2))
    connection.expect_error(-32000, 2)
    check_result(connection.receive(), 100, 1)


@case("R26: a low limit on descriptors set by the parent is no crash", transports=STDIO)
def _(t):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    started = time.monotonic()
    t.connect(before=limit).expect_alive()
    check(time.monotonic() - started < t.seconds(5), "the start took long")
