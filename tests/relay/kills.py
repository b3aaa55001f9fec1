#!/usr/bin/env python3
"""Kills subprocesses of a relay under load, again and again, with SIGKILL: no request may stay without an answer,
be it an error, and the relay may not grow.

    kills.py --build BUILD [--kills N]
"""

import argparse
import json
import random
import sys
import threading
import time
from pathlib import Path

from relay_process import (Failure, Relay, check, children_of, descriptors, eventually, kill_child, resident,
                           target)

TARGETS = ("a", "b", "c")
CLIENTS = 4
WINDOW = 32
TARGET_DOWN = -32010
# What an allocator and the figures themselves may take.
MAY_GROW = 3 << 20


class Load(threading.Thread):
    """A client that keeps a window of requests in flight, and a book of them."""

    def __init__(self, client, seed):
        super().__init__(daemon=True)
        self.client, self.random = client, random.Random(seed)
        self.stopping = False
        self.sent = self.results = self.errors = 0
        self.open = {}
        self.problem = None

    def send(self):
        self.sent += 1
        payload = [self.sent, "x" * self.random.choice((10, 10, 10, 2000))]
        # Some answers take a while, so that a death finds requests in every state.
        method = self.random.choice(("echo", "echo", "echo", "slow"))
        if method == "slow":
            payload = [self.random.randrange(5)]
        self.open[self.sent] = payload[0] if method == "slow" else payload
        line = {"jsonrpc": "2.0", "id": self.sent, "method": f"{self.random.choice(TARGETS)}/{method}",
                "params": payload}
        self.client.writer.write(json.dumps(line).encode() + b"\n")

    def take(self):
        message = self.client.receive()
        number = message.get("id")
        check(number in self.open, f"an answer to no request: {message}")
        wanted = self.open.pop(number)
        if "result" in message:
            check(message["result"] == wanted, f"a wrong result: {message}, not {wanted}")
            self.results += 1
        else:
            check(message["error"]["code"] == TARGET_DOWN, f"another error: {message}")
            self.errors += 1

    def run(self):
        try:
            while not self.stopping or self.open:
                while not self.stopping and len(self.open) < WINDOW:
                    self.send()
                self.client.writer.flush()
                self.take()
        except (Failure, OSError, ValueError, KeyError) as failure:
            self.problem = f"{type(failure).__name__}: {failure}; {len(self.open)} unanswered"


def run(program, worker, kills):
    """Does all of it; a line of figures."""
    restart = {"when": "always", "first_delay_ms": 0, "max_delay_ms": 1, "max_restarts": 1_000_000}
    one = {"command": [worker, "line"], "framing": "line", "restart": restart, "max_queued": 100_000}
    relay = Relay(program, {"targets": {name: one for name in TARGETS}})
    try:
        watch = relay.connect()
        for name in TARGETS:
            watch.result(f"{name}/echo", [1])
        loads = [Load(relay.connect(), seed) for seed in range(CLIENTS)]
        for load in loads:
            load.start()
        pid, chance = relay.process.pid, random.Random(7)
        early = None
        began = time.monotonic()
        killed = set()
        while (done := len(killed)) < kills:
            check(not any(load.problem for load in loads), lambda: [load.problem for load in loads])
            victim = target(watch.result("relay/statistics"), chance.choice(TARGETS))["process"]
            if victim["state"] == "running" and victim["pid"] not in killed and kill_child(pid, victim["pid"]):
                killed.add(victim["pid"])
                if done == kills // 5:
                    early = (resident(pid), descriptors(pid))
            time.sleep(chance.choice((0, 0.002, 0.01)))
        seconds = time.monotonic() - began
        for load in loads:
            load.stopping = True
        for load in loads:
            load.join(timeout=30)
            check(not load.is_alive(), f"requests without an answer: {len(load.open)}")
            check(load.problem is None, load.problem)

        def now():
            return watch.result("relay/statistics")["targets"]

        eventually(lambda: sum(one["process"]["restarts"] for one in now()) == kills,
                   lambda: f"{kills} restarts: {now()}")
        eventually(lambda: all(one["process"]["state"] == "running" for one in now()), "all run again")
        check(all(one["in_flight"] == 0 and one["queued"] == 0 for one in now()), now)
        grown, more = resident(pid) - early[0], descriptors(pid) - early[1]
        check(len(children_of(pid)) == len(TARGETS), f"children: {children_of(pid)}")
        check(not [state for _, state in children_of(pid) if state == "Z"], f"zombies: {children_of(pid)}")
        # A process that was being started when they were counted had its own.
        check(more <= 6, f"{more} descriptors more than after a fifth of the kills")
        check(grown <= MAY_GROW, f"{grown / 1024:.0f} KiB more than after a fifth of the kills")
        results, errors = sum(one.results for one in loads), sum(one.errors for one in loads)
        check(results > 0, "no request has come through")
        return (f"{kills} kills in {seconds:.1f} s: {results + errors} requests, {results} results, {errors} errors "
                f"target_down, 0 lost; {more:+d} descriptors, {grown / 1024:+.0f} KiB RSS, 0 zombies")
    finally:
        relay.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--kills", type=int, default=1000, metavar="N", help="how many (1000)")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    try:
        worker = build / "tests/relay/antiphon-relay-worker"
        print(run(str(build / "tools/antiphon/antiphon"), str(worker), options.kills))
    except Failure as failure:
        print(f"FAILED {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
