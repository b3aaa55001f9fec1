"""R37: command lines."""

import os
import resource
import time

from connection import check, check_result, request
from harness import STDIO, case


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
]


@case(
    "R37: {} is a message on stderr, an exit code above 0 and nothing on stdout",
    transports=STDIO,
    framings=("content-length",),
    table=BAD_LINES,
)
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
