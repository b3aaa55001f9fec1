"""Cases, the matrix they run over, and what a case may ask for."""

import os
import shutil
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass, field

from connection import Connection, Failure
from process import Server

TRANSPORTS = ("stdio", "tcp", "unix")
LISTENERS = ("tcp", "unix")
STDIO = ("stdio",)
TCP = ("tcp",)
UNIX = ("unix",)
FRAMINGS = ("content-length", "newline")
HEADERS = ("content-length",)
LINES = ("newline",)


class Skip(Exception):
    """Raised by a case that can't run here; its text says why."""


@dataclass
class Case:
    title: str
    function: object
    arguments: tuple
    transport: str
    framing: str
    serial: bool
    seconds: float

    @property
    def name(self):
        return f"{self.title} [{self.transport}, {self.framing}]"


@dataclass
class Outcome:
    name: str
    status: str
    reason: str = ""
    notes: list = field(default_factory=list)
    seconds: float = 0.0


CASES = []


def case(title, transports=TRANSPORTS, framings=FRAMINGS, table=None, serial=False, seconds=45):
    """Registers a case for each cell of the matrix, and for each row of `table` when there is one.

    A row is (label, argument...): the label replaces `{}` in the title, the arguments follow the trial.
    `serial` keeps a case that measures time away from all others.
    """

    def register(function):
        for label, *arguments in table if table is not None else [("",)]:
            row_title = title.replace("{}", label) if table is not None else title
            for transport in transports:
                for framing in framings:
                    CASES.append(
                        Case(row_title, function, tuple(arguments), transport, framing, serial, seconds)
                    )
        return function

    return register


class Trial:
    """What one run of a case works with; it ends every server it started."""

    def __init__(self, case_, program, asan, scale):
        self.transport = case_.transport
        self.framing = case_.framing
        self.program = program
        self.asan = asan
        self.scale = scale
        self.notes = []
        self.servers = []
        self.connections = []
        self._directory = None

    @property
    def stdio(self):
        return self.transport == "stdio"

    @property
    def headers(self):
        return self.framing == "content-length"

    @property
    def memory_bar(self):
        """Bytes by which a hostile peer may move the resident set; a sanitizer keeps freed memory for a while."""
        return (64 << 20) * (3 if self.asan else 1)

    @property
    def directory(self):
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="antiphon-conformance-")
        return self._directory

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, *options, **settings):
        server = Server(self, *options, **settings)
        self.servers.append(server)
        return server

    def connect(self, *options, **settings):
        return self.start(*options, **settings).connect()

    def adopt(self, server, reader, writer, sock=None):
        connection = Connection(server, reader, writer, sock)
        self.connections.append(connection)
        return connection

    def note(self, text):
        self.notes.append(text)

    def seconds(self, plain):
        return plain * self.scale

    def finish(self, failed):
        """Ends what was started. Without a failure so far, an unclean end of a server is one."""
        complaints = []
        for connection in self.connections:
            connection.close()
        for server in self.servers:
            complaints += server.stop()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        if complaints and not failed:
            raise Failure("; ".join(complaints))
        return complaints

    def transcript(self):
        lines = []
        for number, connection in enumerate(self.connections[-3:], max(0, len(self.connections) - 3)):
            lines += [f"  connection {number}: {entry}" for entry in connection.transcript()]
        for server in self.servers:
            text = bytes(server.errors[-1500:]).decode("utf-8", "replace").strip()
            if text:
                lines += [f"  stderr: {line}" for line in text.splitlines()[-25:]]
        return "\n".join(lines)


def _timed_out(_signal, _frame):
    raise Failure("the case hit its own time limit")


def run_case(case_, program, asan, scale):
    """Runs one case in this process and says how it went. The main thread must call it (it uses SIGALRM)."""
    started = time.monotonic()
    trial = Trial(case_, program, asan, scale)
    outcome = Outcome(case_.name + (" [asan]" if asan else ""), "passed")
    signal.signal(signal.SIGALRM, _timed_out)
    signal.setitimer(signal.ITIMER_REAL, case_.seconds * scale)
    try:
        try:
            case_.function(trial, *case_.arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Skip as skip:
        outcome.status, outcome.reason = "skipped", str(skip)
    except Failure as failure:
        outcome.status, outcome.reason = "failed", str(failure)
    except Exception:  # a fault of the suite itself must show as a failure, with its place
        outcome.status, outcome.reason = "failed", traceback.format_exc()
    try:
        complaints = trial.finish(outcome.status != "passed")
        if outcome.status == "failed" and complaints:
            outcome.reason += "\n  and: " + "; ".join(complaints)
    except Failure as failure:
        outcome.status, outcome.reason = "failed", str(failure)
    if outcome.status == "failed":
        transcript = trial.transcript()
        if transcript:
            outcome.reason += "\n" + transcript
    outcome.notes = trial.notes
    outcome.seconds = time.monotonic() - started
    return outcome
