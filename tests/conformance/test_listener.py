"""R33 and R34: listeners, and what a peer or a lack of descriptors may do to them."""

import os
import re
import resource
import signal
import socket
import statistics
import time

from connection import brief, check, check_result, request
from harness import HEADERS, LISTENERS, TCP, Skip, case
from messages import LONG


# R33


@case("R33: the line `listening ADDRESS` on stderr is one and true", transports=LISTENERS)
def _(t):
    server = t.start()
    server.expect_serving()
    line = bytes(server.errors).decode()
    if t.transport == "tcp":
        check(re.fullmatch(r"listening 127\.0\.0\.1:\d+\n", line), f"stderr says {line!r}")
    else:
        check(line == f"listening {server.address}\n", f"stderr says {line!r}")


@case("R33: port 0 gives each server a port of its own", transports=TCP)
def _(t):
    servers = [t.start() for _ in range(4)]
    check(len({server.port for server in servers}) == 4, "two servers have one port")
    for server in servers:
        server.expect_serving()


@case("R33: a TCP server listens where it was told and nowhere else", transports=TCP, framings=HEADERS)
def _(t):
    server = t.start()
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        with open(table, encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[1].endswith(f":{server.port:04X}") and fields[3] == "0A":
                    found.append(fields[1])
    check(found == [f"0100007F:{server.port:04X}"], f"listening at {found}")


@case("R33: localhost is a name for the loopback", transports=TCP, framings=HEADERS)
def _(t):
    server = t.start(address="localhost:0", ready=False)
    server.wait_ready()
    family = (
        socket.AF_INET6
        if ":" in bytes(server.errors).decode().split("listening ")[1].rsplit(":", 1)[0]
        else socket.AF_INET
    )
    if family == socket.AF_INET:
        server.expect_serving()


@case("R33: a port in use is an error: message on stderr, exit code above 0", transports=TCP)
def _(t):
    first = t.start()
    second = t.start(address=f"127.0.0.1:{first.port}", ready=False)
    second.expect_exit(range(1, 128), 5, "a port in use")
    check(
        second.errors.strip() and not second.errors.startswith(b"listening"),
        f"stderr says {brief(second.errors)}",
    )
    first.expect_serving()


@case("R33: a server started again at once gets its port back", transports=TCP)
def _(t):
    first = t.start()
    connection = first.connect()
    connection.expect_alive()
    first.signal(signal.SIGTERM)
    first.expect_exit(0, 5)
    t.start(address=f"127.0.0.1:{first.port}").expect_serving()


@case("R33: two hundred connections at once are all served", transports=LISTENERS)
def _(t):
    server = t.start()
    peers = [server.connect() for _ in range(200)]
    for number, peer in enumerate(peers):
        peer.send(request("echo", [number], number), note=False)
    for number, peer in enumerate(peers):
        check_result(peer.receive(), [number], number)


@case("R33: a thousand connections one after the other are all served", transports=LISTENERS, seconds=60)
def _(t):
    server = t.start()
    for number in range(1000):
        peer = server.connect()
        peer.send(request("echo", [number], number), note=False)
        check_result(peer.receive(), [number], number)
        peer.close()
        t.connections.remove(peer)


def bad_silent(peer):
    pass


def bad_partial_header(peer):
    peer.send_raw(b"Content-Le" if peer.framing != "newline" else b'{"json')


def bad_partial_body(peer):
    peer.send_raw(peer.frame(request("echo", ["x" * 5000], 1))[:2000])


def bad_half_closed(peer):
    peer.send(request("sleep", LONG, 1))
    peer.half_close()


def bad_gone(peer):
    peer.send(request("sleep", LONG, 1), request("echo", ["y" * 300_000], 2), read=False)
    if peer.server.transport == "tcp":
        peer.reset()
    else:
        peer.close()


def bad_garbage(peer):
    peer.send_raw(b"\x00\xff\x16\x03\x01 garbage\n\r\n\n" * 500, tolerate=True)


def bad_deaf(peer):
    peer.send_until_stalled(peer.frame(request("echo", ["d" * 50_000], 1)) * 200, 0.2)


BAD = [
    ("that says nothing", bad_silent), ("that stalls in a header or line", bad_partial_header), ("that stalls in a body", bad_partial_body),
    ("that is half closed", bad_half_closed), ("that is reset", bad_gone), ("that sends garbage", bad_garbage), ("that never reads", bad_deaf),
]


@case("R33: a peer {} costs only itself", transports=LISTENERS, table=BAD)
def _(t, misbehave):
    server = t.start()
    good = server.connect()
    good.request("sleep", {"ms": 300}, "before")
    for _ in range(5):
        misbehave(server.connect())
    started = time.monotonic()
    good.request("echo", ["g"], "during")
    check_result(good.response("during"), ["g"], "during")
    server.expect_serving()
    check(time.monotonic() - started < t.seconds(1), "the others had to wait")
    check_result(good.response("before"), 300, "before")
    good.expect_alive()


@case("R33: small answers are not held back (TCP_NODELAY)", transports=TCP, serial=True)
def _(t):
    connection = t.connect()
    gaps = []
    for _ in range(40):  # the second answer would wait for the acknowledgement of the first, up to 40 ms
        connection.send(request("sleep", {"ms": 2}, 1), request("sleep", {"ms": 6}, 2))
        connection.response(1)
        first = time.monotonic()
        connection.response(2)
        gaps.append(time.monotonic() - first)
    check(statistics.median(gaps[10:]) < t.seconds(0.02), f"gaps of {[round(gap * 1000) for gap in gaps]} ms")


# R34

def starve(t, server, spare=0):
    """Leaves the server this many descriptors to open; says what the limits were."""
    if t.asan:
        raise Skip("UBSan's check of vtables opens a pipe, and reports an error where it can't")
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.descriptors() + spare, hard))
    return soft, hard



@case(
    "R34: without descriptors for new connections the server idles, serves on and recovers",
    transports=LISTENERS,
    seconds=60,
)
def _(t):
    server = t.start()
    old = server.connect()
    old.expect_alive()
    starve(t, server, spare=6)
    crowd = [server.connect() for _ in range(40)]
    crowd[0].expect_alive()
    server.expect_idle("out of descriptors", 1.5)
    old.expect_alive()
    crowd[0].expect_alive()
    for peer in crowd:
        peer.close()
    peer = server.connect()
    peer.send(request("echo", ["recovered"], 1))
    check_result(peer.receive(6), ["recovered"], 1)
    old.expect_alive()
    server.expect_idle("after it recovered", 0.5)


@case("R34: the server recovers as well when the limit is lifted", transports=LISTENERS)
def _(t):
    server = t.start()
    server.expect_serving()
    limits = starve(t, server)
    crowd = [server.connect() for _ in range(10)]
    for number, peer in enumerate(crowd):
        peer.send(request("echo", [number], number))
    time.sleep(0.2)
    check(server.running(), "the server ended without descriptors")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    for number, peer in enumerate(crowd):
        check_result(peer.receive(6), [number], number)


@case("R34: SIGTERM ends a server without descriptors", transports=LISTENERS)
def _(t):
    server = t.start()
    server.connect().expect_alive()
    starve(t, server)
    for _ in range(5):
        server.connect()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5)
