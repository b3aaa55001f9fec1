"""R4 and R5: the message limit, and lines."""

import time

from connection import Failure, check, check_result, encode, request, same
from harness import HEADERS, LINES, case
from messages import ECHO, expect_echo, headed


# R4


def sized(total, id=7):
    """An echo request of exactly so many bytes, and what it echoes."""
    empty = len(encode(request("echo", [""], id)))
    padding = "p" * (total - empty)
    return encode(request("echo", [padding], id)), [padding]


@case("R4: the message limit is inclusive and counts the body only")
def _(t):
    connection = t.connect("--max-message-bytes", 300)
    for total in (298, 299, 300):
        body, value = sized(total)
        check(len(body) == total, "a fault of the suite")
        connection.send(body)
        check_result(connection.receive(), value, 7)
    if t.headers:
        connection.send_raw(headed(b"X-Padding: " + b"x" * 600, b"Content-Length: 300", body=sized(300)[0]))
        check_result(connection.receive(), sized(300)[1], 7)
    connection.expect_alive()


@case("R4: a CR before LF doesn't count for the message limit", framings=LINES)
def _(t):
    connection = t.connect("--max-message-bytes", 300)
    body, value = sized(300)
    connection.send_raw(body + b"\r\n")
    check_result(connection.receive(), value, 7)


@case("R4: a message one byte over the limit is refused")
def _(t):
    connection = t.connect("--max-message-bytes", 300)
    connection.send(sized(300)[0])
    check_result(connection.receive(), sized(300)[1], 7)
    connection.send(sized(301)[0], tolerate=True)
    connection.expect_refused("a body of 301 bytes with a limit of 300")


HUGE = [
    (str(value), value)
    for value in (
        301,
        10**6,
        2**31 - 1,
        2**31,
        2**32,
        2**32 + 10,
        10**18,
        2**63 - 1,
        2**63,
        2**64 - 1,
    )
]


@case("R4: a length of {} over the limit is refused from its header alone", framings=HEADERS, table=HUGE)
def _(t, value):
    connection = t.connect("--max-message-bytes", 300)
    connection.send_raw(b"Content-Length: %d\r\n\r\n" % value)
    connection.expect_refused(f"a header that announces {value} bytes")


@case("R4: a length of 10^18 is refused at once and moves memory by under 64 MiB", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    if not t.stdio:
        for _ in range(20):
            other = server.connect()
            other.send_raw(b"Content-Length: 1000000000000000000\r\n\r\n" + ECHO, tolerate=True)
            other.expect_refused()
        moved = server.peak() - before
        check(moved < t.memory_bar, f"memory moved by {moved >> 20} MiB")
    connection.send_raw(b"Content-Length: 1000000000000000000\r\n\r\n{")
    if t.stdio:
        # The process ends with the refusal: what it used is asked until it is gone.
        peak = before
        while server.running():
            try:
                peak = max(peak, server.peak())
            except (OSError, Failure):
                break
        check(peak - before < t.memory_bar, f"memory moved by {(peak - before) >> 20} MiB")
    connection.expect_refused()


@case("R4: nothing is allocated ahead of the bytes received", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    announced = b"Content-Length: %d\r\n\r\n" % (15 << 20)
    peers = [connection] if t.stdio else [server.connect() for _ in range(20)]
    for peer in peers:
        peer.send_raw(announced + b'{"jsonrpc":')
        peer.wait_consumed()
    if not t.stdio:
        connection.expect_alive()
    time.sleep(0.2)  # what is read is acted on soon after, with nothing to tell when
    moved = server.peak() - before
    check(
        moved < t.memory_bar // 8,
        f"{len(peers)} announced bodies of 15 MiB moved memory by {moved >> 10} KiB",
    )


@case("R4: the default limit is at least 16 MiB", seconds=60)
def _(t):
    connection = t.connect()
    empty = len(encode(request("update", [""])))
    connection.send(request("update", ["u" * ((16 << 20) - empty)]), note=False)
    connection.expect_alive("a message of exactly 16 MiB by default")


@case("R4: the default limit is at most 64 MiB", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(b"Content-Length: %d\r\n\r\n" % ((64 << 20) + 1))
    connection.expect_refused("an announced body of 64 MiB and 1 byte")


# R5


@case("R5: an endless line is refused at the limit", framings=LINES)
def _(t):
    connection = t.connect("--max-message-bytes", 3000)
    connection.send_raw(b'{"jsonrpc":"2.0","id":1,"method":"echo","params":["' + b"a" * 3000, tolerate=True)
    connection.expect_refused("a line without an end, longer than the limit")


@case("R5: an endless line is refused at the default limit without growing memory beyond it", framings=LINES)
def _(t):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    connection.send_raw(b'["', read=False)
    block, sent = b"a" * (1 << 20), 0
    while sent < 65 and connection.send_raw(block, read=False, tolerate=True, note=False):
        sent += 1
        if t.stdio and sent <= 16:
            peak = server.peak()
            check(peak - before < t.memory_bar, f"memory moved by {(peak - before) >> 20} MiB")
    if not t.stdio:
        moved = server.peak() - before
        check(moved < t.memory_bar + (32 << 20), f"memory moved by {moved >> 20} MiB")
    connection.expect_refused(f"a line of {sent} MiB")


@case("R5: CR before LF is dropped and blank lines are skipped", framings=LINES)
def _(t):
    connection = t.connect()
    connection.send_raw(b"\n\r\n\n" + ECHO + b"\r\n\r\n\n\n" + ECHO + b"\n")
    expect_echo(connection)
    expect_echo(connection)
    connection.expect_alive("blank lines are no messages")


@case("R5: only LF ends a line: CR, U+2028, U+2029, U+0085, VT and FF are data", framings=LINES)
def _(t):
    connection = t.connect()
    value = ["a\u2028b\u2029c\u0085d"]
    body = encode(request("echo", value, 3)).replace(b",", b",\r \t")
    connection.send_raw(body + b"\n")
    check_result(connection.receive(), value, 3)
    connection.send_raw(b'{"jsonrpc":"2.0","id":4,\x0b"method":"echo"}\n{"jsonrpc":"2.0",\x0c"id":4}\n')
    connection.expect_error(-32700)
    connection.expect_error(-32700)
    connection.expect_alive()


@case("R5: the output never holds a raw newline", framings=LINES)
def _(t):
    connection = t.connect()
    value = {"a\nb": "c\r\nd\u2028", "list": [1, "\n"]}
    connection.send(request("echo", value, "id\n1"))
    check_result(connection.receive(), value, "id\n1")
    connection.send(request("no\nsuch", [], "id\n2"))
    connection.expect_error(-32601, "id\n2")
    connection.send(request("fail", {"code": 5, "message": "two\nlines", "data": "x\ny"}, 1))
    error = connection.receive()["error"]
    check(same(error, {"code": 5, "message": "two\nlines", "data": "x\ny"}), f"the error changed: {error}")
