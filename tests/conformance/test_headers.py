"""R1 to R3 and R7: the header of a frame."""

from connection import Closed, Failure, brief, check, check_error, check_result, encode, request
from harness import HEADERS, case
from messages import ECHO, content_length, expect_echo, headed


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
    connection.send_raw(
        headed(*extra, content_length()) + headed(content_length(), *extra) + headed(*extra[:10], content_length(), *extra[10:])
    )
    for _ in range(3):
        expect_echo(connection)
    connection.expect_alive()


@case("R1: an unknown header may have an empty value", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(headed(b"X-Empty:", content_length(), b"X-Blank:   "))
    expect_echo(connection)


# R2

REFUSED_LENGTHS = [
    (value.decode(), b"Content-Length: " + value)
    for value in (
        b"-1", b"-%d" % len(ECHO), b"+5", b"+%d" % len(ECHO), b"0x10", b"0X3F", b"5.0", b"5e1", b"5 5", b"5abc", b"abc",
        b"5,5", b"5;", b'"5"', b"%d" % 2**64, b"%d" % (2**64 + len(ECHO)), b"%d" % 2**65, b"1" * 40, b"\xd9\xa5",
        b"5\x00",
    )
]
REFUSED_HEADERS = [
    (f"a Content-Length of {label if label.isprintable() else ascii(label)}", [line])
    for label, line in REFUSED_LENGTHS
] + [
    ("an empty Content-Length", [b"Content-Length: "]),
    ("a blank before the colon", [b"Content-Length : %d" % len(ECHO)]),
    ("a Content-Length without a colon", [b"Content-Length %d" % len(ECHO)]),
    ("a line without a colon", [content_length(), b"what is this"]),
    ("a line without a colon ahead of Content-Length", [b"what is this", content_length()]),
    ("no Content-Length", [b"Content-Type: application/vscode-jsonrpc; charset=utf-8"]),
    ("only unknown headers", [b"X-Length: %d" % len(ECHO)]),
    ("differing Content-Lengths", [content_length(), b"Content-Length: %d" % (len(ECHO) + 1)]),
    ("differing Content-Lengths in another case", [b"content-length: 2", content_length()]),
    ("a good Content-Length and a bad one", [content_length(), b"Content-Length: x"]),
]


@case("R2: {} refuses the stream", framings=HEADERS, table=REFUSED_HEADERS)
def _(t, lines):
    connection = t.connect()
    connection.send_raw(headed(*lines), tolerate=True)
    connection.expect_refused(brief(lines))


@case("R2: equal Content-Lengths in one header are accepted", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send_raw(headed(content_length(), content_length()))
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
    follow = b"".join(connection.frame(request("bump")) for _ in range(3)) + headed(content_length())
    connection.send_raw(headed(b"Content-Length: -1", body=b"") + follow, tolerate=True)
    connection.expect_refused()
    if not t.stdio:
        check(server.connect().result("count") == 0, "a message behind the broken header was executed")


BARE_LF = [
    ("with bare LF", headed(content_length(), end=b"\n")),
    ("with bare LF and two headers", headed(b"X-A: b", content_length(), end=b"\n")),
    ("that ends in CRLF LF", content_length() + b"\r\n\n" + ECHO),
    ("that ends in LF CRLF", content_length() + b"\n\r\n" + ECHO),
    ("behind a stray CRLF", b"\r\n" + headed(content_length())),
    ("behind a stray LF", b"\n" + headed(content_length())),
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
    flood = b"".join(
        b"X-Flood-%06d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" % number for number in range(1300)
    )
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
    connection.send_raw(headed(*extra, content_length()))
    expect_echo(connection)


# R7

GOOD_TYPES = [
    (value, value.encode())
    for value in (
        "application/vscode-jsonrpc; charset=utf-8", "application/vscode-jsonrpc; charset=utf8",
        "application/vscode-jsonrpc; charset=UTF-8", "application/vscode-jsonrpc;charset=UTF8",
        'application/vscode-jsonrpc; charset="utf-8"', 'application/json; charset="UTF8"',
        "application/json; Charset=Utf-8", "application/vscode-jsonrpc", "application/json; version=1; charset=utf-8",
    )
]


@case("R7: Content-Type {} is accepted", framings=HEADERS, table=GOOD_TYPES)
def _(t, value):
    connection = t.connect()
    connection.send_raw(
        headed(b"Content-Type: " + value, content_length()) + headed(content_length(), b"content-type:" + value)
    )
    expect_echo(connection)
    expect_echo(connection)
    connection.expect_alive()


BAD_CHARSETS = [
    (value.decode(), value)
    for value in (b"utf-16", b"latin1", b"iso-8859-1", b'"utf-7"', b"utf-8x", b"us-ascii")
]


@case("R7: charset {} gives an error and nothing is executed", framings=HEADERS, table=BAD_CHARSETS)
def _(t, charset):
    server = t.start()
    connection = server.connect()
    header = b"Content-Type: application/vscode-jsonrpc; charset=" + charset
    bump = encode(request("bump"))
    connection.send_raw(headed(header, content_length(bump), body=bump) + headed(header, content_length()), tolerate=True)
    check_error(connection.receive(), (-32600, -32700, -32603), None, charset.decode())
    try:
        while True:
            check_error(connection.receive(0.5), (-32600, -32700, -32603), None, charset.decode())
    except Closed:
        if not t.stdio:
            check(server.connect().result("count") == 0, "the message was executed")
    except Failure:
        check(connection.result("count") == 0, "the message was executed")
