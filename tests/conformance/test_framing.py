"""R1 to R8: where a message begins and ends in the stream of bytes."""

import json
import random
import time

from connection import Failure, Closed, brief, check, check_error, check_result, encode, request, same
from harness import HEADERS, LINES, LISTENERS, case

ECHO = encode(request("echo", ["x"], 1))


def headed(*lines, body=ECHO, end=b"\r\n"):
    """A frame with these header lines."""
    return end.join(lines) + end + end + body


def length(body=ECHO):
    return b"Content-Length: %d" % len(body)


def expect_echo(connection, id=1, value=("x",)):
    check_result(connection.receive(), list(value), id)


# R1

ACCEPTED_HEADERS = [
    ("in lower case", b"content-length: %d" % len(ECHO)),
    ("in upper case", b"CONTENT-LENGTH: %d" % len(ECHO)),
    ("in mixed case", b"cOnTeNt-LeNgTh: %d" % len(ECHO)),
    ("without a blank", b"Content-Length:%d" % len(ECHO)),
    ("with blanks on both sides", b"Content-Length:    %d   " % len(ECHO)),
    ("with tabs on both sides", b"Content-Length:\t%d\t" % len(ECHO)),
    ("with leading zeros", b"Content-Length: 000%d" % len(ECHO)),
]


@case("R1: a Content-Length {} is accepted", framings=HEADERS, table=ACCEPTED_HEADERS)
def _(t, line):
    connection = t.connect()
    connection.send_raw(headed(line) + headed(b"X-Other: 1", line))
    expect_echo(connection)
    expect_echo(connection)
    connection.expect_alive()


@case("R1: twenty unknown headers before and after Content-Length are ignored", framings=HEADERS)
def _(t):
    connection = t.connect()
    extra = [b"X-Header-%d: value %d; a=b: c" % (number, number) for number in range(20)]
    connection.send_raw(headed(*extra, length()) + headed(length(), *extra) + headed(*extra[:10], length(), *extra[10:]))
    for _ in range(3):
        expect_echo(connection)
    connection.expect_alive()


@case("R1: an unknown header may have an empty value", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(headed(b"X-Empty:", length(), b"X-Blank:   "))
    expect_echo(connection)


# R2

REFUSED_LENGTHS = [
    (value.decode(), b"Content-Length: " + value)
    for value in (
        b"-1", b"-%d" % len(ECHO), b"+5", b"+%d" % len(ECHO), b"0x10", b"0X3F", b"5.0", b"5e1", b"5 5", b"5abc", b"abc",
        b"5,5", b"5;", b'"5"', b"%d" % 2**64, b"%d" % (2**64 + len(ECHO)), b"%d" % 2**65, b"1" * 40, b"\xd9\xa5",
        b"5\x00",
    )
]  # fmt: skip
REFUSED_HEADERS = [
    (f"a Content-Length of {label if label.isprintable() else ascii(label)}", [line]) for label, line in REFUSED_LENGTHS
] + [
    ("an empty Content-Length", [b"Content-Length: "]),
    ("a blank before the colon", [b"Content-Length : %d" % len(ECHO)]),
    ("a Content-Length without a colon", [b"Content-Length %d" % len(ECHO)]),
    ("a line without a colon", [length(), b"what is this"]),
    ("a line without a colon ahead of Content-Length", [b"what is this", length()]),
    ("no Content-Length", [b"Content-Type: application/vscode-jsonrpc; charset=utf-8"]),
    ("only unknown headers", [b"X-Length: %d" % len(ECHO)]),
    ("differing Content-Lengths", [length(), b"Content-Length: %d" % (len(ECHO) + 1)]),
    ("differing Content-Lengths in another case", [b"content-length: 2", length()]),
    ("a good Content-Length and a bad one", [length(), b"Content-Length: x"]),
]


@case("R2: {} refuses the stream", framings=HEADERS, table=REFUSED_HEADERS)
def _(t, lines):
    connection = t.connect()
    connection.send_raw(headed(*lines), tolerate=True)
    connection.expect_refused(brief(lines))


@case("R2: equal Content-Lengths in one header are accepted", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(headed(length(), length()))
    expect_echo(connection)
    connection.expect_alive()


@case("R2: a broken header after good messages loses none of their answers", framings=HEADERS)
def _(t):
    connection = t.connect()
    good = b"".join(connection.frame(request("echo", [number], number)) for number in range(20))
    connection.send_raw(good + headed(b"Content-Length: 5abc", body=ECHO), tolerate=True)
    for number in range(20):
        check_result(connection.response(number), [number], number)
    connection.expect_refused()


@case("R2: nothing after a broken header is executed", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    follow = b"".join(connection.frame(request("bump")) for _ in range(3)) + headed(length())
    connection.send_raw(headed(b"Content-Length: -1", body=b"") + follow, tolerate=True)
    connection.expect_refused()
    if not t.stdio:
        check(server.connect().result("count") == 0, "a message behind the broken header was executed")


BARE_LF = [
    ("with bare LF", headed(length(), end=b"\n")),
    ("with bare LF and two headers", headed(b"X-A: b", length(), end=b"\n")),
    ("that ends in CRLF LF", length() + b"\r\n\n" + ECHO),
    ("that ends in LF CRLF", length() + b"\n\r\n" + ECHO),
    ("behind a stray CRLF", b"\r\n" + headed(length())),
    ("behind a stray LF", b"\n" + headed(length())),
]


@case("R2: a header {} is accepted or refused, never waited on", framings=HEADERS, table=BARE_LF)
def _(t, data):
    connection = t.connect()
    connection.send_raw(data, tolerate=True)
    message = connection.receive()
    if "error" in message:
        check_error(message, (-32600, -32700))
        connection.expect_closed()
    else:
        check_result(message, ["x"], 1)
        connection.expect_alive()


@case("R2: a frame of no bytes is a parse error and the connection stays", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(b"Content-Length: 0\r\n\r\n")
    connection.expect_error(-32700)
    connection.expect_alive()


# R3

@case("R3: a header block that never ends is refused within 64 KiB", framings=HEADERS)
def _(t):
    connection = t.connect()
    flood = b"".join(b"X-Flood-%06d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" % number for number in range(1300))
    connection.send_raw(flood[: (64 << 10) + 64], tolerate=True)
    connection.expect_refused("64 KiB of header lines")


@case("R3: a header line that never ends is refused within 64 KiB", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(b"X-Flood: " + b"a" * (64 << 10), tolerate=True)
    connection.expect_refused("a header line of 64 KiB")


@case("R3: a megabyte of header lines costs no memory and is refused", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    before = server.peak()
    connection.send_raw(b"X-Flood: aaaaaaaaaaaaaaaaaaaaa\r\n" * 32768, tolerate=True)
    if not t.stdio:
        moved = server.peak() - before
        check(moved < t.memory_bar // 8, f"memory moved by {moved >> 10} KiB")
    connection.expect_refused("1 MiB of header lines")


@case("R3: a header block of 7 KiB works", framings=HEADERS)
def _(t):
    connection = t.connect()
    extra = [b"X-Header-%02d: %s" % (number, b"v" * 330) for number in range(20)]
    connection.send_raw(headed(*extra, length()))
    expect_echo(connection)


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
    for value in (301, 10**6, 2**31 - 1, 2**31, 2**32, 2**32 + 10, 10**18, 2**63 - 1, 2**63, 2**64 - 1)
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
    moved = server.peak() - before
    check(moved < t.memory_bar // 8, f"{len(peers)} announced bodies of 15 MiB moved memory by {moved >> 10} KiB")


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


# R6

SESSION = [
    request("echo", {"k": "é😀\u2028", "n": [1, -2.5, True, None]}, 1),
    request("update", [1, 2]),
    b'{"jsonrpc":"2.0","id":2,"method":"echo","params":["\\u00e9\\ud83d\\ude00\\"\\\\]}"]}',
    b'{"jsonrpc":"2.0","id":3,"method":',
    [request("subtract", [5, 3], "s"), request("bump"), 1],
    request("none", id=4),
    b'[{"jsonrpc":"2.0","id":5,"method":"echo","params":[ [ ] ]}]',
]


def session_bytes(connection):
    data = b""
    for number, message in enumerate(SESSION):
        frame = connection.frame(message)
        if connection.framing == "newline":
            frame = (b"\r\n" if number % 2 else b"") + frame[:-1] + (b"\r\n" if number % 3 == 0 else b"\n")
        elif number % 2:
            frame = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n" + frame
        data += frame
    return data


def session_answers(connection):
    answers = []
    for _ in range(6):
        body = connection.receive_frame()
        check(body is not None, "the connection ended")
        answers.append(json.dumps(json.loads(body), sort_keys=True))
    return sorted(answers)


@case("R6: a session cut at each of its bytes gives the same answers", seconds=60)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    for cut in range(1, len(data)):
        connection.send_raw(data[:cut], note=False)
        connection.wait_consumed()
        connection.send_raw(data[cut:], note=False)
        parts = session_answers(connection)
        check(parts == whole, f"cut at {cut} ({brief(data[max(0, cut - 20):cut + 20])}): {parts} instead of {whole}")
    connection.expect_alive()


@case("R6: a session sent byte by byte gives the same answers", seconds=60)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    for waits in (True, False):
        for position in range(len(data)):
            connection.send_raw(data[position : position + 1], note=False)
            if waits:
                connection.wait_consumed()
        check(session_answers(connection) == whole, "byte by byte, the answers differ")


@case("R6: a session sent in random pieces gives the same answers", seconds=60)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    chance = random.Random(20240607)
    stream, position = data * 40, 0
    while position < len(stream):
        piece = chance.choice((1, 2, 3, 7, 40, 300, 2000))
        connection.send_raw(stream[position : position + piece], note=False)
        position += piece
    answers = []
    for _ in range(40):
        answers += session_answers(connection)
    check(sorted(answers) == sorted(whole * 40), "in random pieces, the answers differ")


@case("R6: a broken header cut at each of its bytes is refused all the same", framings=HEADERS, transports=LISTENERS)
def _(t):
    server = t.start()
    data = headed(b"X-A: b", b"Content-Length: 5abc")
    for cut in range(1, len(data) - len(ECHO)):
        connection = server.connect()
        connection.send_raw(data[:cut], tolerate=True)
        connection.wait_consumed()
        connection.send_raw(data[cut:], tolerate=True)
        message = connection.receive()
        check_error(message, (-32600, -32700), None, f"cut at {cut}")
        connection.expect_closed()
        connection.close()


@case("R6: a length counts bytes, not characters", framings=HEADERS)
def _(t):
    connection = t.connect()
    body = encode(request("echo", ["ééé😀"], 1))
    connection.send_raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    check_result(connection.receive(), ["ééé😀"], 1)
    characters = len(body.decode())
    connection.send_raw(b"Content-Length: %d\r\n\r\n%s" % (characters, body) + headed(length()), tolerate=True)
    connection.expect_error(-32700, None)
    connection.expect_refused("the rest of a body behind too short a length")


@case("R6: a message of 8 MiB in pieces of 64 bytes takes linear time", serial=True, seconds=60)
def _(t):
    connection = t.connect()
    connection.expect_alive()
    frame = connection.frame(request("update", ["u" * (8 << 20)]))
    started = time.monotonic()
    view = memoryview(frame)
    for position in range(0, len(frame), 64):
        connection.send_raw(view[position : position + 64], note=False)
    connection.expect_alive()
    taken = time.monotonic() - started
    check(taken < t.seconds(10), f"8 MiB in pieces of 64 bytes took {taken:.1f} s")


@case("R6: a message of 8 MiB with line breaks or escapes throughout takes linear time", serial=True, seconds=60)
def _(t):
    connection = t.connect()
    connection.expect_alive()
    started = time.monotonic()
    for unit in ("\\\\", '\\"', "é", "[],", '{"a":1},', "1,"):
        filling = unit.encode() * ((1 << 20) // len(unit.encode()))
        if unit.endswith(","):
            connection.send(b'{"jsonrpc":"2.0","method":"update","params":[%s0]}' % filling, note=False)
        else:
            connection.send(b'{"jsonrpc":"2.0","method":"update","params":["%s"]}' % filling, note=False)
        connection.expect_alive(f"a notification full of {unit}")
    taken = time.monotonic() - started
    check(taken < t.seconds(10), f"six messages of 1 MiB took {taken:.1f} s")


# R7

GOOD_TYPES = [
    (value, value.encode())
    for value in (
        "application/vscode-jsonrpc; charset=utf-8", "application/vscode-jsonrpc; charset=utf8",
        "application/vscode-jsonrpc; charset=UTF-8", "application/vscode-jsonrpc;charset=UTF8",
        'application/vscode-jsonrpc; charset="utf-8"', 'application/json; charset="UTF8"',
        "application/json; Charset=Utf-8", "application/vscode-jsonrpc", "application/json; version=1; charset=utf-8",
    )
]  # fmt: skip


@case("R7: Content-Type {} is accepted", framings=HEADERS, table=GOOD_TYPES)
def _(t, value):
    connection = t.connect()
    connection.send_raw(headed(b"Content-Type: " + value, length()) + headed(length(), b"content-type:" + value))
    expect_echo(connection)
    expect_echo(connection)
    connection.expect_alive()


BAD_CHARSETS = [(value.decode(), value) for value in (b"utf-16", b"latin1", b"iso-8859-1", b'"utf-7"', b"utf-8x", b"us-ascii")]


@case("R7: charset {} gives an error and nothing is executed", framings=HEADERS, table=BAD_CHARSETS)
def _(t, charset):
    server = t.start()
    connection = server.connect()
    header = b"Content-Type: application/vscode-jsonrpc; charset=" + charset
    bump = encode(request("bump"))
    connection.send_raw(headed(header, length(bump), body=bump) + headed(header, length()), tolerate=True)
    check_error(connection.receive(), (-32600, -32700, -32603), None, charset.decode())
    try:
        while True:
            check_error(connection.receive(0.5), (-32600, -32700, -32603), None, charset.decode())
    except Closed:
        if not t.stdio:
            check(server.connect().result("count") == 0, "the message was executed")
    except Failure:
        check(connection.result("count") == 0, "the message was executed")


# R8

BODY = b"\n".join(encode(message) for message in (request("bump"), request("echo", ["run"], 1), request("bump"))) + b"\n"


def http(first_line):
    return first_line + (
        b"\r\nHost: localhost:8080\r\nOrigin: http://evil.example\r\nContent-Type: text/plain;charset=UTF-8\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    )


HTTP_LINES = [
    (line.decode(), line)
    for line in (
        b"POST / HTTP/1.1", b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PUT /a/b?c=d HTTP/1.0", b"HEAD / HTTP/1.1",
        b"POST http://127.0.0.1:8080/ HTTP/1.1", b"POST /:a HTTP/1.1", b"GET /Content-Length: HTTP/1.1",
        b"POST /Content-Length: 5 HTTP/1.1", b"CONNECT localhost:80 HTTP/1.1", b"PRI * HTTP/2.0",
    )
]  # fmt: skip


@case("R8: the HTTP request {} is refused and its body never executed", table=HTTP_LINES)
def _(t, line):
    server = t.start()
    connection = server.connect()
    connection.send_raw(http(line), tolerate=True)
    connection.expect_refused(f"an HTTP request ({line.decode()})")
    if not t.stdio:
        check(server.connect().result("count") == 0, "the body of an HTTP request was executed")


@case("R8: an HTTP request is refused at its first line", table=HTTP_LINES[:2] + HTTP_LINES[5:8])
def _(t, line):
    connection = t.connect()
    connection.send_raw(line + b"\r\n")
    connection.expect_refused(f"the line {line.decode()}")


@case("R8: an HTTP request with its body in one JSON-RPC frame is refused", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    body = encode([request("bump"), request("echo", ["run"], 1)])
    connection.send_raw(headed(b"POST / HTTP/1.1", length(body), body=body), tolerate=True)
    connection.expect_refused("an HTTP request with one batch as its body")
    if not t.stdio:
        check(server.connect().result("count") == 0, "the body of an HTTP request was executed")


@case("R8: an HTTP request after good messages is refused as well")
def _(t):
    connection = t.connect()
    connection.expect_alive()
    connection.send_raw(http(b"POST / HTTP/1.1"), tolerate=True)
    connection.expect_refused("an HTTP request behind a good message")
