#!/usr/bin/env python3
"""Measures what a server does that is asked for ten times as much as it can do.

    overload.py BUILD_DIRECTORY [--seconds S]

busy_server answers requests over pipes that each take 10 ms, with so many permits that it can answer 3,200 a second.
`antiphon load` offers it 32,000 a second, with both policies: under `wait` the server stops reading, so that the client is
held up; under `reject` it turns away what is too much. What the client could not send in time is never sent. The
client gives up with an error where an answer is missing, comes twice or belongs to nothing. The server's resident
memory (RSS) is looked at all the while: the mean of the last quarter may be at most 5% above that of the second.
The figures are also written to build/bench/overload.json.
"""

import argparse
import time

from load_runs import Build, conditions, resident, result_of, write_results
from report import print_cells
from steady import child_of

PERMITS = 32
QUEUE = 1024
CAPACITY = PERMITS / 0.010
OVER = 10
WARM_UP = 1.0
GROWTH = 1.05
POLICIES = {"wait": [], "reject": ["--reject"]}


def sample_memory(load, seconds):
    """The RSS of the server that `load` has started, with the time since the measuring began."""
    server = None
    while server is None and load.poll() is None:
        time.sleep(0.01)
        server = child_of(load.pid)
    begin = time.monotonic() + WARM_UP
    samples = []
    while load.poll() is None:
        now = time.monotonic() - begin
        if now >= seconds:
            break
        if now >= 0:
            samples.append((now, resident(server)))
        time.sleep(0.05)
    return samples


def mean_in(samples, begin, end):
    chosen = [size for at, size in samples if begin <= at < end]
    return sum(chosen) / len(chosen)


def measure(build, options, seconds):
    server = [build.program("busy_server"), "--permits", str(PERMITS), "--queue", str(QUEUE), *options]
    load = build.start_load(["--mode", "open-loop", "--rate", str(OVER * CAPACITY), "--seconds", str(seconds),
                             "--warm-up", str(WARM_UP), "--punctual", "--allow-errors", "--method", "slow"], server)
    try:
        samples = sample_memory(load, seconds)
    except BaseException:
        load.kill()
        raise
    report = result_of(load)  # ends the program where a request was lost, or answered twice
    second, last = (mean_in(samples, seconds * quarter / 4, seconds * (quarter + 1) / 4) for quarter in (1, 3))
    return {"requests": report["messages"], "seconds": report["seconds"], "rejected": report["errors"],
            "answered": report["messages"] - report["errors"], "latency_us": report["latency_us"],
            "rss_second_quarter": second, "rss_last_quarter": last, "growth": last / second,
            "flat": last / second <= GROWTH, "rss": [[round(at, 3), size] for at, size in samples]}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench overload", description="What a server does under ten times its load.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, metavar="S", default=20, help="how long (20)")
    given = parser.parse_args()
    build = Build(given.build)
    results = {policy: measure(build, options, given.seconds) for policy, options in POLICIES.items()}
    print(f"{OVER * CAPACITY:,.0f} requests a second are offered for {given.seconds:g} s to a server that can answer "
          f"{CAPACITY:,.0f}\n")
    rows = [["policy", "results/s", "rejected/s", "p50 ms", "RSS KiB, 2nd quarter", "last quarter", "ratio",
             f"at most {GROWTH}", "each answered once"]]
    for policy, found in results.items():
        rows.append([policy, *(f"{found[what] / found['seconds']:,.0f}" for what in ("answered", "rejected")),
                     f"{found['latency_us']['p50'] / 1000:,.1f}",
                     *(f"{found[what] / 1024:,.0f}" for what in ("rss_second_quarter", "rss_last_quarter")),
                     f"{found['growth']:.3f}", "met" if found["flat"] else "SHORT",
                     f"met: {found['requests']:,} of {found['requests']:,}"])
    print_cells(rows, left=1)
    print(f"\n{write_results('overload', {**conditions(), 'capacity': CAPACITY, 'results': results})}")


if __name__ == "__main__":
    main()
