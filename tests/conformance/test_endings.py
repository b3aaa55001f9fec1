"""R29 to R32: the end of input and of output, shutdown and exit."""

from connection import ABSENT, TimedOut, brief, check, check_error, check_result, encode, parse, request
from descriptors import KINDS, Ends
from harness import LISTENERS, STDIO, case
from messages import LONG, session
from process import eventually


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
    connection.send(
        *(request("echo", [id], id) for id in range(1000)), request("sleep", {"ms": 300}, "s"), note=False
    )
    connection.half_close()
    for id in range(1000):
        check_result(connection.response(id), [id], id)
    check_result(connection.response("s"), 300, "s")
    expect_end(t, connection)


@case("R29: queued requests are answered after the end of input")
def _(t):
    connection = t.connect("--max-in-flight", 1, "--overload", "wait")
    connection.send(
        *(request("sleep", {"ms": 60}, id) for id in range(12)),
        [request("sleep", {"ms": 60}, "b"), request("echo", [], "e")],
    )
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
    cuts = (
        (len(whole) // 2, 3, len(whole) - 3)
        if framing == "newline"
        else (4, 16, 19, len(whole) // 2, len(whole) - 1)
    )
    return [whole[:cut] for cut in cuts]


@case("R29: a fragment at the end of input is dropped, what came before is answered, exit 0")
def _(t):
    for fragment in fragments(t.framing):
        connection = t.connect()
        connection.send_raw(
            session(t.framing, request("sleep", {"ms": 40}, 1), request("echo", [2], 2)) + fragment
        )
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


@case(
    "R29: a peer that ended its input and reads nothing is let go within 10 s", transports=LISTENERS, seconds=30
)
def _(t):
    server = t.start()
    witness = server.connect()
    witness.expect_alive()
    descriptors = server.descriptors()
    for _ in range(3):
        connection = server.connect(receive_buffer=64 << 10)
        connection.send_until_stalled(connection.frame(request("echo", ["b" * 50_000], 1)) * 600, 0.3)
        connection.half_close()
    eventually(
        lambda: server.descriptors() <= descriptors,
        t.seconds(12),
        lambda: f"{server.descriptors() - descriptors} of 3 connections are still open",
    )
    witness.expect_alive()


@case(
    "R29: end of input while nobody reads the answers still ends the server within 10 s",
    transports=STDIO,
    seconds=30,
)
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
        connection.send(
            request("echo", ["x" * 500_000], 1),
            request("sleep", {"ms": number % 7}, 2),
            read=False,
            note=False,
        )
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
        connection.server.expect_exit(
            range(128), 5, "parent gone"
        )


# R31


def expect_exit_code(t, connection, code):
    """The program exits so, or a listening one ends just this connection and goes on."""
    connection.expect_closed(5)
    try:
        connection.server.expect_exit(code, 5, "exit")
    except TimedOut:
        if t.stdio:
            raise
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
    connection.send(
        request("bump"),
        request("shutdown", id=0),
        request("echo", [], 1),
        request("none", [], 2),
        request("bump"),
        request("none"),
    )
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


@case("R31: exit on one connection ends what it ends within 5 s, whatever runs on others", transports=LISTENERS)
def _(t):
    for code in (1, 0):
        server = t.start()
        other, connection = server.connect(), server.connect()
        other.send(*(request("sleep", LONG, id) for id in range(5)))
        other.expect_alive()
        connection.send(request("sleep", LONG, "mine"))
        if code == 0:
            check_result(connection.call("shutdown", id="bye"), None, "bye")
        connection.notify("exit")
        try:
            server.expect_exit(code, 5, "exit")
        except TimedOut:
            server.expect_serving()
            other.expect_alive()


BUSY = [
    ("sleeps running", "sleeps"),
    ("a full queue", "queue"),
    ("a call back pending", "call"),
    ("output nobody reads", "blocked"),
]


@case("R31: exit ends the server within 5 s with {}", table=BUSY, transports=STDIO)
def _(t, state):
    for code in (1, 0):
        connection = (
            t.connect("--max-in-flight", 3, "--overload", "wait") if state == "queue" else t.connect()
        )
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
