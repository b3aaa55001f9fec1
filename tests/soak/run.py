#!/usr/bin/env python3
"""Lets servers work under mixed load for a long time, and looks whether anything is lost, doubled or left over.

    run.py --build BUILD [--minutes N] [--seed S]
    run.py --self-test

Over TCP, a Unix socket, pipes and through a relay: connections that come and go, end their input, are cut off or
half open; small and large messages, batches, notifications, cancellations, calls back, more than a server takes,
peers that read late; subprocesses that are killed. At the end every request has been answered once, memory has not
grown (see watch.py), descriptors are as at the start, and there is no zombie. It ends by itself.
"""

import argparse
import random
import signal
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "conformance"), str(HERE.parent / "relay")]

import self_test  # noqa: E402
import talks  # noqa: E402
from book import Totals  # noqa: E402
from connection import Failure, check  # noqa: E402
from halls import ENDS_HALF_OPEN, REJECTING, Fleeting, Lasting, Listening, Relayed  # noqa: E402
from relay_process import Failure as RelayFailure  # noqa: E402

SAMPLES_A_SECOND = 2
# Of the time, but no longer than this: then pools and allocators have what they need.
WARM_UP_SHARE, LONGEST_WARM_UP = 1 / 3, 300
KILLS_A_SECOND = 2


class Soak:
    def __init__(self, programs, seconds, seed):
        self.seconds, self.seed = seconds, seed
        self.totals, self.over = Totals(), threading.Event()
        self.problems, self.halls = [], []
        self.bumped = Totals()  # of those who bump where nothing may be dropped
        self.programs = programs

    def start(self):
        programs = self.programs
        self.relay = self.add(Relayed(programs["relay"], programs["worker"]))
        self.rejecting = self.add(Listening(programs["server"], "tcp", "content-length", *REJECTING,
                                            busy=(talks.OVERLOADED,)))
        self.waiting = self.add(Listening(programs["server"], "unix", "newline"))
        self.impatient = self.add(Listening(programs["server"], "tcp", "newline", *ENDS_HALF_OPEN,
                                            kinds=talks.HALF_OPEN))
        self.lasting = self.add(Lasting(programs["server"]))
        self.fleeting = Fleeting(programs["server"])

    def add(self, hall):
        self.halls.append(hall)
        return hall

    def work(self, name, step):
        """A thread that does this again and again until it is over or something went wrong."""
        chance = random.Random(f"{self.seed} {name}")

        def loop():
            try:
                while not self.over.is_set():
                    step(chance)
            except Exception as failure:  # of any kind: a mistake of ours would end this worker alone, unseen
                self.problems.append(f"{name}: {type(failure).__name__}: {failure}")
                self.over.set()

        return threading.Thread(target=loop, name=name, daemon=True)

    def threads(self):
        yield self.work("kills", lambda chance: self.kill(chance))
        for number in range(2):
            yield self.work(f"relay {number}", lambda chance: self.relay.visit(self.totals, chance))
            yield self.work(f"tcp {number}", lambda chance: self.rejecting.visit(self.totals, chance))
            yield self.work(f"unix {number}", lambda chance: self.waiting.visit(self.bumped, chance))
            yield self.work(f"half-open {number}", lambda chance: self.impatient.visit(self.totals, chance))
        yield self.work("stdio", lambda chance: self.lasting.visit(self.totals, chance))
        yield self.work("processes", lambda chance: self.fleeting.visit(self.totals, chance))

    def kill(self, chance):
        self.over.wait(2 * chance.random() / KILLS_A_SECOND)
        self.relay.kill_one(chance)

    def run(self):
        """Does all of it and prints the figures."""
        began = time.monotonic()
        threads = list(self.threads())
        for thread in threads:
            thread.start()
        while not self.over.wait(1 / SAMPLES_A_SECOND) and time.monotonic() < began + self.seconds:
            for hall in self.halls:
                hall.watched.sample()
        ended = time.monotonic()
        self.over.set()
        for thread in threads:
            thread.join(timeout=120)
            if thread.is_alive():
                self.problems.append(f"{thread.name}: still busy 2 minutes after the end")
        check(not self.problems, "; ".join(self.problems))
        self.judge(began + min(self.seconds * WARM_UP_SHARE, LONGEST_WARM_UP), ended - began)

    def judge(self, warm_up, seconds):
        for totals in (self.totals, self.bumped):
            totals.check_balance()
        for hall in self.halls:
            if hall is self.waiting:
                hall.finish(self.bumped.count["bumps"])
            else:
                hall.finish()
        self.totals.add(self.bumped.count)
        count = self.totals.count
        for name in ("results", "errors", "cut", "called_back", "bumps"):
            check(count[name] > 0, f"a soak without any {name}")
        print(f"{seconds:.0f} s: {count['requests']} requests = {count['results']} results + {count['errors']} errors "
              f"+ {count['cut']} cut off by us; {count['notifications']} notifications, "
              f"{count['called_back']} calls back, {count['connections']} connections, "
              f"{self.fleeting.started} processes, {len(self.relay.killed)} kills; 0 lost, 0 doubled, 0 zombies")
        # Last, so that the figures above are seen where memory grows.
        problems = []
        for hall in self.halls:
            try:
                print(hall.watched.check_memory(warm_up))
            except Failure as failure:
                problems.append(str(failure))
        check(not problems, "; ".join(problems))

    def close(self):
        for hall in self.halls:
            hall.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--minutes", type=float, default=20, metavar="N", help="how long (20)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the random choices (1)")
    parser.add_argument("--server", help="another conformance server, such as a broken one")
    parser.add_argument("--self-test", action="store_true", help="whether it would notice")
    options = parser.parse_args()
    if options.self_test:
        return self_test.run(Soak)
    # Ctrl-C and SIGTERM end the servers too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    build = Path(options.build).resolve()
    programs = {
        "relay": str(build / "tools/antiphon/antiphon"),
        "worker": str(build / "tests/relay/antiphon-relay-worker"),
        "server": options.server or str(build / "tests/conformance/antiphon-conformance"),
    }
    soak = Soak(programs, options.minutes * 60, options.seed)
    try:
        soak.start()
        soak.run()
    except (Failure, RelayFailure) as failure:
        print(f"FAILED {failure}")
        return 1
    finally:
        soak.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
