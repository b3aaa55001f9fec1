"""The servers of a soak, and the connections to them. A hall is a server and the talks that go on with it."""

import signal
from types import SimpleNamespace

import talks
from book import Book
from connection import Connection, check
from harness import Case, Trial
from process import eventually
from relay_process import Relay, children_of, kill_child
from watch import Watched

REJECTING = ["--overload", "reject", "--max-in-flight", "64"]
ENDS_HALF_OPEN = ["--message-timeout", "700", "--idle-timeout", "2000"]
TARGETS = ("a", "b", "c")
TARGET_DOWN = -32010


def trial(program, transport, framing):
    return Trial(Case("soak", None, (), transport, framing, False, 0), program, False, 1)


class Listening:
    """A server on a socket, connections to which come and go."""

    def __init__(self, program, transport, framing, *options, busy=(), kinds=talks.LASTING + talks.ENDING):
        self.trial = trial(program, transport, framing)
        self.server = self.trial.start(*options)
        self.busy, self.kinds = busy, kinds
        self.server.expect_serving()
        self.watched = Watched(f"{transport} {' '.join(options)}".strip(), self.server.pid)

    def visit(self, totals, random):
        """One connection, a few talks on it."""
        connection = self.connect()
        book = Book(connection, totals, random.random())
        try:
            for _ in range(random.randrange(1, 4)):
                kind = random.choice(self.kinds)
                kind(book, self.busy)
                if kind not in talks.LASTING:
                    break
                book.settle()
            else:
                book.end()
            book.enter_totals()
        finally:
            book.close()

    def connect(self):
        connection = self.server.connect()
        self.trial.connections.remove(connection)  # or they would be kept for ever
        return connection

    def finish(self, bumps=None):
        """Everything is as at the start, no notification was lost, and the server ends when told to."""
        eventually(self.watched.at_rest, 20, self.watched.what_is_left)
        connection = self.connect()
        if bumps is not None:
            counted = connection.result("count")
            check(counted == bumps, f"{bumps} notifications sent, {counted} came")
        connection.result("shutdown")
        connection.notify("exit")
        self.server.expect_exit(0)
        connection.close()

    def close(self):
        self.trial.finish(True)


class Lasting:
    """A server on pipes, one connection for all the time."""

    def __init__(self, program):
        self.trial = trial(program, "stdio", "content-length")
        self.server = self.trial.start()
        self.connection = self.server.connect()
        self.connection.expect_alive()
        self.watched = Watched("stdio", self.server.pid)
        self.book = None

    def visit(self, totals, random):
        self.book = self.book or Book(self.connection, totals, random.random())
        random.choice(talks.LASTING)(self.book)
        self.book.settle()
        self.book.expect_silence()
        self.book.enter_totals()

    def finish(self):
        eventually(self.watched.at_rest, 20, self.watched.what_is_left)
        self.connection.half_close()
        self.connection.expect_closed(10)
        self.server.expect_exit(0)

    def close(self):
        self.trial.finish(True)


class Fleeting:
    """Servers on pipes, each for one connection; their exit codes count."""

    def __init__(self, program):
        self.program = program
        self.started = 0

    def visit(self, totals, random):
        ours = trial(self.program, "stdio", random.choice(("content-length", "newline")))
        ours.start()
        self.started += 1
        complete = False
        try:
            book = Book(ours.servers[0].connect(), totals, random.random())
            random.choice(talks.LASTING)(book)
            book.settle()
            if random.random() < 0.2:
                # Killed with requests open: the end comes, and no answer is made up.
                book.send(*[book.ask("sleep", [60_000]) for _ in range(5)])
                ours.servers[0].process.kill()
                book.connection.expect_closed(10)
                check(ours.servers[0].wait(10) == -signal.SIGKILL, "a killed server ended in another way")
                book.cut(False)
            else:
                talks.end_input(book)
                ours.servers[0].expect_exit(0)
            book.enter_totals()
            complete = True
        finally:
            ours.finish(not complete)


class Relayed:
    """A relay before three subprocesses that are killed again and again."""

    def __init__(self, program, worker):
        restart = {"when": "always", "first_delay_ms": 0, "max_delay_ms": 1, "max_restarts": 1_000_000}
        one = {"command": [worker, "line"], "framing": "line", "restart": restart, "max_queued": 100_000}
        self.relay = Relay(program, {"targets": {name: one for name in TARGETS}})
        self.killed = set()
        self.shim = SimpleNamespace(framing="newline", trial=SimpleNamespace(scale=1), transport="unix")
        client = self.relay.connect()
        for name in TARGETS:
            client.result(f"{name}/echo", [1])
        client.close()
        self.relay.clients.clear()
        self.watched = Watched("relay", self.relay.process.pid)

    def connect(self):
        client = self.relay.connect()
        self.relay.clients.clear()
        sock = client.sock
        client.reader.detach()
        client.writer.detach()
        sock.setblocking(False)
        return Connection(self.shim, sock.fileno(), sock.fileno(), sock)

    def visit(self, totals, random):
        book = Book(self.connect(), totals, random.random())
        try:
            for _ in range(150):
                name = random.choice(TARGETS)
                if random.random() < 0.8:
                    text = [book.last_id, "x" * random.choice(talks.SIZES)]
                    book.send(book.ask(f"{name}/echo", text, text, (TARGET_DOWN,)))
                else:
                    ms = random.randrange(5)
                    book.send(book.ask(f"{name}/slow", [ms], ms, (TARGET_DOWN,)))
                book.settle(32)
            if random.random() < 0.2:
                book.cut(False)
            else:
                book.end()
            book.enter_totals()
        finally:
            book.close()

    def kill_one(self, random):
        victims = [pid for pid, state in children_of(self.relay.process.pid) if state != "Z" and pid not in self.killed]
        if victims:
            pid = random.choice(victims)
            if kill_child(self.relay.process.pid, pid):
                self.killed.add(pid)

    def finish(self):
        client = self.relay.connect()

        def targets():
            return client.result("relay/statistics")["targets"]

        eventually(lambda: all(one["process"]["state"] == "running" and one["in_flight"] == one["queued"] == 0
                               for one in targets()), 20, lambda: f"the relay's targets: {targets()}")
        client.close()
        eventually(self.watched.at_rest, 20, self.watched.what_is_left)
        self.relay.process.terminate()
        check(self.relay.wait() == 0, f"the relay's exit code is {self.relay.process.returncode}")

    def close(self):
        self.relay.close()
