#!/usr/bin/env python3
"""Measures how long a fast method takes at half load while slow handlers run beside it, on the same connection.

    beside_slow.py BUILD_DIRECTORY [--seconds S] [--runs N]

busy_server answers `echo` over pipes. antiphon-load finds out how many a second it can answer, then asks for half
of that in an open loop (latency counts from when a request was due), alone and with slow ones beside: handlers that
sleep for 10 ms on a timer, 2,000 a second, so that about 20 sleep at any time; where the server has them, handlers
of 1 ms of computing on a thread pool. The bar: the 99th percentile is at most five times the median.

Each figure is that of the quietest of several short runs, by the ratio: what else the machine does only ever makes
it larger. The figures are also written to build/bench/beside_slow.json.
"""

import argparse

from load_runs import Build, conditions, result_of, write_results
from report import print_cells

BAR = 5.0
SLEEPING = ["--beside", "slow=2000"]
BESIDE = {"alone": [], "sleeping": SLEEPING}


def capacity(build, server):
    """How many a second, with as many in flight as a busy client has."""
    runs = [result_of(build.start_load(["--mode", "pipelined", "--window", "128", "--seconds", "1"], server))
            for _ in range(3)]
    return max(run["rate"] for run in runs)


def measure(build, server, rate, options, seconds, runs):
    found = []
    for _ in range(runs):
        latency = result_of(build.start_load(["--mode", "open-loop", "--rate", str(rate), "--seconds", str(seconds),
                                              *options], server))["latency_us"]
        found.append({**latency, "ratio": latency["p99"] / latency["p50"]})
    return min(found, key=lambda run: run["ratio"]), found


def main():
    parser = argparse.ArgumentParser(prog="./dev bench beside_slow",
                                     description="How long a fast method takes while slow handlers run beside it.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, metavar="S", default=1, help="how long each run takes (1)")
    parser.add_argument("--runs", type=int, metavar="N", default=7, help="how many of each (7)")
    given = parser.parse_args()
    build = Build(given.build)
    server = [build.program("busy_server")]
    most = capacity(build, server)
    rate = most / 2
    print(f"echo: {most:,.0f} a second at most, {rate:,.0f} a second in the following\n")
    rows = [["beside it", "p50 us", "p99 us", "p99.9 us", "p99 / p50", "of all runs", f"at most {BAR:g}"]]
    results = {}
    for name, options in BESIDE.items():
        best, all_runs = measure(build, server, rate, options, given.seconds, given.runs)
        met = best["ratio"] <= BAR
        results[name] = {"best": best, "runs": all_runs, "met": met}
        ratios = sorted(run["ratio"] for run in all_runs)
        rows.append([name, *(f"{best[key]:.1f}" for key in ("p50", "p99", "p99_9")), f"{best['ratio']:.1f}",
                     f"{ratios[0]:.1f} to {ratios[-1]:.1f}", "met" if met else "SHORT"])
    print_cells(rows, left=1)
    print(f"\n{write_results('beside_slow', {**conditions(), 'capacity': most, 'rate': rate, 'results': results})}")


if __name__ == "__main__":
    main()
