"""R35: the file of a Unix socket."""

import os
import select
import signal
import socket
import stat

from connection import brief, check
from harness import HEADERS, UNIX, case
from process import eventually



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
    check(
        (before.st_ino, before.st_mode, before.st_size) == (after.st_ino, after.st_mode, after.st_size),
        f"{what}: changed",
    )


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


@case(
    "R35: the socket file is removed at {}",
    transports=UNIX,
    table=[("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT)],
)
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


@case(
    "R35: of two servers started at once on a stale socket one serves and a third is refused",
    transports=UNIX,
    framings=HEADERS,
)
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
        winner.send(
            b"Content-Length: 57\r\n\r\n" + b'{"jsonrpc":"2.0","id":1,"method":"echo","params":["hi"]} '
        )
        check(select.select([winner], [], [], t.seconds(3))[0], "the socket that is there does not answer")
        winner.close()
