"""R33 to R35: TCP and Unix socket listeners."""

import os
import re
import resource
import select
import signal
import socket
import stat
import statistics
import time

from connection import brief, check, check_result, request
from harness import LISTENERS, case
from process import eventually

TCP = ("tcp",)
UNIX = ("unix",)
LONG = {"ms": 60000}
HEADERS = ("content-length",)


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
    family = socket.AF_INET6 if ":" in bytes(server.errors).decode().split("listening ")[1].rsplit(":", 1)[0] else socket.AF_INET
    if family == socket.AF_INET:
        server.expect_serving()


@case("R33: a port in use is an error: message on stderr, exit code above 0", transports=TCP)
def _(t):
    first = t.start()
    second = t.start(address=f"127.0.0.1:{first.port}", ready=False)
    second.expect_exit(range(1, 128), 5, "a port in use")
    check(second.errors.strip() and not second.errors.startswith(b"listening"), f"stderr says {brief(second.errors)}")
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
]  # fmt: skip


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

@case("R34: without descriptors for new connections the server idles, serves on and recovers", transports=LISTENERS, seconds=60)
def _(t):
    server = t.start()
    old = server.connect()
    old.expect_alive()
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.descriptors() + 6, hard))
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
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.descriptors(), hard))
    crowd = [server.connect() for _ in range(10)]
    for number, peer in enumerate(crowd):
        peer.send(request("echo", [number], number))
    time.sleep(0.2)
    check(server.running(), "the server ended without descriptors")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for number, peer in enumerate(crowd):
        check_result(peer.receive(6), [number], number)


@case("R34: SIGTERM ends a server without descriptors", transports=LISTENERS)
def _(t):
    server = t.start()
    server.connect().expect_alive()
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.descriptors(), hard))
    for _ in range(5):
        server.connect()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5)


# R35

def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


UMASKS = [(f"{umask:03o}", umask) for umask in (0, 0o777, 0o177, 0o022, 0o400)]


@case("R35: under umask {} the socket file has mode 0600", transports=UNIX, framings=HEADERS, table=UMASKS)
def _(t, umask):
    server = t.start(umask=umask)
    check(mode(server.address) == 0o600, f"mode {mode(server.address):o}")
    check(stat.S_ISSOCK(os.lstat(server.address).st_mode), "no socket")
    server.expect_serving()
    check(mode(server.address) == 0o600, f"mode {mode(server.address):o} later")


def stale(path, kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.bind(path)


def refused(t, path, what):
    """A server that is to refuse the path. What stands there is untouched."""
    before = os.lstat(path)
    server = t.start(address=path, ready=False)
    server.expect_exit(range(1, 128), 5, what)
    check(server.errors.strip(), f"{what}: no message on stderr")
    check(b"listening" not in server.errors, f"{what}: stderr says {brief(server.errors)}")
    after = os.lstat(path)
    check((before.st_ino, before.st_mode, before.st_size) == (after.st_ino, after.st_mode, after.st_size), f"{what}: changed")


@case("R35: a stale socket is replaced", transports=UNIX)
def _(t):
    path = t.path("stale")
    stale(path)
    server = t.start(address=path)
    server.expect_serving()
    check(mode(path) == 0o600, f"mode {mode(path):o}")


@case("R35: the socket of a server killed outright is replaced", transports=UNIX)
def _(t):
    path = t.path("killed")
    first = t.start(address=path)
    first.signal(signal.SIGKILL)
    first.wait()
    check(os.path.exists(path), "the suite expected a stale socket")
    t.start(address=path).expect_serving()


@case("R35: a live socket is refused and goes on working", transports=UNIX)
def _(t):
    first = t.start()
    connection = first.connect()
    refused(t, first.address, "a live socket")
    connection.expect_alive()
    first.expect_serving()


@case("R35: a live socket whose owner is too busy to accept is not stolen", transports=UNIX, framings=HEADERS)
def _(t):
    path = t.path("busy")
    with socket.socket(socket.AF_UNIX) as owner:
        owner.bind(path)
        owner.listen(0)
        waiting = []
        for _ in range(3):
            peer = socket.socket(socket.AF_UNIX)
            peer.setblocking(False)
            waiting.append(peer)
            if peer.connect_ex(path) != 0:
                break
        refused(t, path, "a live socket with a full backlog")
        for peer in waiting:
            peer.close()


@case("R35: a live socket of another type is not stolen", transports=UNIX, framings=HEADERS)
def _(t):
    path = t.path("datagram")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as owner:
        owner.bind(path)
        refused(t, path, "a live datagram socket")


@case("R35: another file in the way is refused and untouched", transports=UNIX, framings=HEADERS)
def _(t):
    path = t.path("file")
    with open(path, "wb") as file:
        file.write(b"precious")
    refused(t, path, "a regular file")
    with open(path, "rb") as file:
        check(file.read() == b"precious", "the file was changed")
    os.mkdir(t.path("directory"))
    refused(t, t.path("directory"), "a directory")
    os.mkfifo(t.path("fifo"))
    refused(t, t.path("fifo"), "a FIFO")
    os.symlink(path, t.path("link"))
    refused(t, t.path("link"), "a symbolic link to a file")
    check(os.path.islink(t.path("link")) and os.path.getsize(path) == 8, "the link or its file was changed")
    open(t.path("empty"), "wb").close()
    refused(t, t.path("empty"), "an empty file")


@case("R35: the socket file is removed at {}", transports=UNIX, table=[("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT)])
def _(t, number):
    server = t.start()
    server.connect().expect_alive()
    server.signal(number)
    server.expect_exit((0, 128 + number), 5)
    check(not os.path.lexists(server.address), "the socket file is still there")


@case("R35: a file put in the socket's place is not removed", transports=UNIX)
def _(t):
    server = t.start()
    server.connect().expect_alive()
    os.unlink(server.address)
    with open(server.address, "wb") as file:
        file.write(b"another's")
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5)
    check(os.path.isfile(server.address), "another's file was removed")


@case("R35: another server's socket put in its place is not removed", transports=UNIX)
def _(t):
    first = t.start()
    first.connect().expect_alive()
    os.unlink(first.address)
    second = t.start(address=first.address)
    first.signal(signal.SIGTERM)
    first.expect_exit(0, 5)
    check(os.path.exists(second.address), "another server's socket was removed")
    second.expect_serving()


@case("R35: a server whose socket file was removed ends cleanly", transports=UNIX)
def _(t):
    server = t.start()
    connection = server.connect()
    os.unlink(server.address)
    connection.expect_alive()
    server.signal(signal.SIGTERM)
    server.expect_exit(0, 5)


@case("R35: a path with blanks and one of the greatest length work", transports=UNIX, framings=HEADERS)
def _(t):
    t.start(address=t.path("a b\tc é")).expect_serving()
    longest = t.path("l" * (107 - len(t.directory) - 1))
    check(len(longest) == 107, "a fault of the suite")
    t.start(address=longest).expect_serving()


@case("R35: of two servers started at once on a stale socket just one gets it", transports=UNIX, framings=HEADERS)
def _(t):
    for round_ in range(5):
        path = t.path(f"race{round_}")
        stale(path)
        pair = [t.start(address=path, ready=False) for _ in range(2)]

        def settled():
            return any(b"listening" in server.errors for server in pair) and any(
                b"listening" in server.errors or not server.running() for server in pair
            )

        eventually(settled, t.seconds(5), "neither server came up")
        t.start(address=path, ready=False).expect_exit(range(1, 128), 5, "a third server on a live socket")
        winner = socket.socket(socket.AF_UNIX)
        winner.connect(path)
        winner.send(b"Content-Length: 57\r\n\r\n" + b'{"jsonrpc":"2.0","id":1,"method":"echo","params":["hi"]} ')
        check(select.select([winner], [], [], t.seconds(3))[0], "the socket that is there does not answer")
        winner.close()
