"""What an endpoint holds at most: the formula of docs/security.md, under a peer that fills every bound at once."""

import time

from connection import check, request
from harness import HEADERS, UNIX, case
from hostile import FIGURES
from messages import LONG, WAIT, cancel

KIB, MIB = 1 << 10, 1 << 20
# What one request takes beside its bytes, and what a handler of the server under test takes while it waits.
RECORD, HANDLER = 1 * KIB, 7 * KIB
POOL = 8 * MIB


class Limits:
    def __init__(self, part=1):
        """The defaults of `limits` and `endpoint_options`, or a part of them."""
        self.message = 16 * MIB // part
        self.in_flight_bytes = 32 * MIB // part
        self.queued_bytes = 8 * MIB // part
        self.outgoing_bytes = 8 * MIB // part
        self.in_flight = 128 // part
        self.queued = 8 * 1024 // part

    @property
    def options(self):
        return (
            *WAIT, "--max-message-bytes", self.message, "--max-in-flight-bytes", self.in_flight_bytes,
            "--max-queued-bytes", self.queued_bytes, "--max-outgoing-bytes", self.outgoing_bytes,
            "--max-in-flight", self.in_flight, "--max-queued", self.queued,
        )  # fmt: skip

    def bound(self):
        """The formula."""
        held = 5 * self.message + 3 * self.in_flight_bytes + 3 * self.queued_bytes
        held += 7 * self.outgoing_bytes + 256 * KIB
        requests = self.in_flight + 4 * self.queued + 64
        handlers = self.in_flight + self.queued + 64
        return held + requests * RECORD + handlers * HANDLER + POOL


class WorstPeer:
    """Does one thing after the other, each as far as it goes without reading being paused."""

    def __init__(self, t, limits):
        self.limits = limits
        self.server = t.start(*limits.options)
        self.peer = self.server.connect(receive_buffer=64 * KIB)
        self.peer.expect_alive()
        self.server.forget_peak()
        self.before = self.server.resident()
        self.next_id = 0
        self.steps = []

    def step(self, name, messages):
        for message in messages:
            # Takes in what comes, so that nothing is held up; it isn't looked at.
            self.peer.send_raw(self.peer.frame(message), note=False)
            self.peer.inbox.clear()
        self.settle()
        self.steps.append(f"{name} {self.moved() / MIB:.0f}")

    def settle(self):
        while self.peer.fill(time.monotonic() + 0.1):
            self.peer.inbox.clear()

    def moved(self):
        return self.server.peak() - self.before

    def id(self):
        self.next_id += 1
        return self.next_id

    def calls_of_ours(self, total, size):
        """Requests whose handlers call us, and wait."""
        params = {"method": "m", "params": ["c" * size]}
        self.step("calls", (request("call_back", params, self.id()) for _n in range(total // size)))

    def requests(self, total, size):
        params = {**LONG, "pad": "p" * size}
        self.step("requests", (request("sleep", params, self.id()) for _n in range(total // size)))

    def small_requests(self):
        """As many as fit, taken back again: what was made for them stays."""
        first = self.next_id + 1
        count = 4 * self.limits.queued
        self.step("small", (request("sleep", LONG, self.id()) for _n in range(count)))
        self.step("cancelled", (cancel(id) for id in range(first, first + count)))

    def batches(self):
        """Unfinished ones, which gather answers: one as much as it may, then as many as may be."""
        size = self.limits.message // 20
        echoes = [request("echo", ["y" * size], "e") for _n in range(18)]
        self.step("batches", ([request("sleep", LONG, self.id()), *echoes] for _n in range(4)))
        self.step("small batches", ([request("sleep", LONG, self.id()), 1] for _n in range(4 * self.limits.queued)))

    def unread_answers(self, total):
        """Errors that repeat a large id, which we don't read."""
        frame = self.peer.frame(request("none", id="i" * (500 * KIB)))
        for n in range(total // (500 * KIB)):
            taken = self.peer.send_until_stalled(frame, 10 * self.peer.scale)
            check(taken == len(frame), f"reading has paused after {n} unread answers of 500 KiB: {self.steps}")
        self.steps.append(f"unread {self.moved() / MIB:.0f}")

    def half_a_message(self):
        frame = self.peer.frame(b'["' + b"h" * (self.limits.message - 4) + b'"]')
        self.peer.send_until_stalled(frame[:-10], 0.5)
        self.steps.append(f"half a message {self.moved() / MIB:.0f}")


@case("memory: the worst peer of all moves {} by less than the formula says", transports=UNIX, framings=HEADERS, seconds=120, serial=True,
      table=[("an endpoint with the default limits", 1), ("an endpoint with a quarter of them", 4)])  # fmt: skip
def _(t, part):
    limits = Limits(part)
    worst = WorstPeer(t, limits)
    worst.calls_of_ours(limits.in_flight_bytes // 2, 2 * KIB)
    worst.small_requests()
    worst.batches()
    worst.calls_of_ours(limits.in_flight_bytes, 200 * KIB)
    worst.requests(limits.in_flight_bytes, 200 * KIB)
    worst.requests(2 * limits.queued_bytes, 200 * KIB)
    worst.unread_answers(limits.outgoing_bytes * 19 // 5)
    worst.half_a_message()
    bar = limits.bound() * (4 if t.asan else 1)
    if FIGURES:
        t.note(f"{worst.moved() / MIB:.0f} MiB of {bar / MIB:.0f} ({', '.join(worst.steps)})")
    check(worst.moved() < bar, f"memory moved by {worst.moved() >> 20} MiB, over {bar >> 20} MiB: {worst.steps}")
    most = limits.bound()
    check(worst.moved() > most // 6, f"the worst peer is harmless, {worst.moved() >> 20} MiB of {most >> 20}: {worst.steps}")
    worst.server.expect_serving()
