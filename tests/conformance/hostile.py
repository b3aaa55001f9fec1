"""Rows of the table of hostile peers: what such a peer does, and what it may cost.

docs/security.md has the same table for people; test_hostile.py compares the two.
"""

import os
from dataclasses import dataclass

from connection import Failure, check
from harness import FRAMINGS, case

# Prints what each row moved memory by.
FIGURES = os.environ.get("ANTIPHON_FIGURES")
NONE = "none"
GOES_ON = "goes on"
ENDS = "ends"
PAUSES = "isn't read from"


@dataclass
class Row:
    label: str
    code: str
    connection: str
    ceiling: int  # MiB

    @property
    def test(self):
        return f"hostile: {self.label}"


ROWS = []


class Attack:
    """A server, and the connection from which it is attacked."""

    def __init__(self, t, row, options):
        self.t = t
        self.row = row
        self.server = t.start(*options)
        self.peer = self.server.connect()
        self.peer.expect_alive()
        self.server.forget_peak()
        self.before = self.server.resident()

    @property
    def codes(self):
        return tuple(int(code) for code in self.row.code.split() if code.startswith("-"))

    def check_memory(self):
        try:
            moved = self.server.peak() - self.before
        except (Failure, OSError):
            if self.t.stdio:  # it served one connection, which has ended
                return
            raise
        if FIGURES:
            self.t.note(f"{moved / (1 << 20):.2f} MiB of {self.row.ceiling}")
        # A sanitizer keeps what was freed for a while, and beside everything something of its own.
        bar = (self.row.ceiling << 20) * 5 + (16 << 20) if self.t.asan else self.row.ceiling << 20
        check(moved < bar, f"memory moved by {moved / (1 << 20):.1f} MiB, over {self.row.ceiling} MiB")

    def error(self, id=None, seconds=20):
        """The next message is this row's error."""
        return self.peer.expect_error(self.codes, id, seconds, self.row.label)

    def refused(self, peer=None):
        """This row's error, then the end. Its memory is looked at while the server still runs."""
        (peer or self.peer).expect_refused(self.row.label, self.codes, 20)


def hostile(label, code, connection, ceiling, transports=("stdio", "tcp"), framings=FRAMINGS, options=(), seconds=60):
    """Registers a case. `ceiling` is in MiB, of what the peer may move the server's resident set by."""
    row = Row(label, code, connection, ceiling)
    if label not in (known.label for known in ROWS):
        ROWS.append(row)

    def register(function):
        def run(t):
            attack = Attack(t, row, options)
            function(attack)
            if connection == GOES_ON:
                attack.peer.expect_alive(row.label)
            elif not t.stdio:
                attack.server.expect_serving()
            attack.check_memory()

        case(row.test, transports=transports, framings=framings, seconds=seconds)(run)
        return function

    return register
