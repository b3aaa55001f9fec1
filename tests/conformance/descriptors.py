"""What a stdio server may find on its descriptors."""

import contextlib
import fcntl
import os
import pty
import socket
import tty

from connection import parse


KINDS = [
    ("pipes", "pipe"),
    ("one socket pair", "socket"),
    ("two socket pairs", "sockets"),
    ("a terminal", "terminal"),
]


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
