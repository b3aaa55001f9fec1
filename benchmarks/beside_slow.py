#!/usr/bin/env python3
"""Measures how long a fast method takes at half load while slow handlers run beside it, on the same connection.

    beside_slow.py BUILD_DIRECTORY [--seconds S] [--runs N]

busy_server answers `echo` over pipes. `antiphon load` asks in an open loop (latency counts from when a request was due),
as often as keeps the server's process busy half of the time: that rate is found first. Then the same with slow ones
beside: handlers that sleep for 10 ms on a timer, 2,000 a second, so that about 20 sleep at any time, and
handlers that compute for 1 ms on a thread pool, 250 a second. The bar: the 99th percentile is at most five times
the median.

Each figure is that of the quietest of several short runs, the one with the lowest 99th percentile: what else the
machine does only ever makes that larger. The figures are also written to build/bench/beside_slow.json.
"""

import argparse

from load_runs import Build, conditions, result_of, write_results
from report import print_cells

BAR = 5.0
SLEEPING = ["--beside", "slow=2000"]
COMPUTING = ["--beside", "compute=250"]
BESIDE = {"nothing": [], "sleeping handlers": SLEEPING, "computing handlers": COMPUTING, "both": SLEEPING + COMPUTING}


def ask(build, server, rate, seconds, options=()):
    return result_of(build.start_load(["--mode", "open-loop", "--rate", f"{rate:.0f}", "--seconds", str(seconds),
                                       "--punctual", *options], server))


def load_of(report):
    """The part of the time in which the server's process ran."""
    return report["rate"] * report["server_cpu_us_per_message"] / 1e6


def half_load(build, server):
    """The rate that keeps the server busy half of the time, and how busy it was. The faster requests come, the more of
    them the server finds at once and the less each costs, so the rate is approached."""
    rate = 50_000.0
    for _ in range(8):
        busy = load_of(ask(build, server, rate, 0.5))
        if 0.47 <= busy <= 0.53:
            break
        rate *= min(max(0.5 / busy, 0.5), 2)
    return rate, busy


def measure(build, server, rate, options, seconds, runs):
    found = []
    for _ in range(runs):
        report = ask(build, server, rate, seconds, options)
        latency = report["latency_us"]
        found.append({**latency, "ratio": latency["p99"] / latency["p50"], "load": load_of(report)})
    return min(found, key=lambda run: run["p99"]), found


def main():
    parser = argparse.ArgumentParser(prog="./dev bench beside_slow",
                                     description="How long a fast method takes while slow handlers run beside it.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, metavar="S", default=0.5, help="how long each run takes (0.5)")
    parser.add_argument("--runs", type=int, metavar="N", default=15, help="how many of each (15)")
    given = parser.parse_args()
    build = Build(given.build)
    server = [build.program("busy_server")]
    rate, busy = half_load(build, server)
    print(f"echo, {rate:,.0f} a second, which keeps the server busy for {busy:.0%} of the time\n")
    rows = [["beside it", "load", "p50 us", "p99 us", "p99.9 us", "p99 / p50", "of all runs", f"at most {BAR:g}"]]
    results = {}
    for name, options in BESIDE.items():
        best, all_runs = measure(build, server, rate, options, given.seconds, given.runs)
        met = best["ratio"] <= BAR
        results[name] = {"best": best, "runs": all_runs, "met": met}
        ratios = sorted(run["ratio"] for run in all_runs)
        rows.append([name, f"{best['load']:.0%}", *(f"{best[key]:.1f}" for key in ("p50", "p99", "p99_9")), f"{best['ratio']:.1f}",
                     f"{ratios[0]:.1f} to {ratios[-1]:.1f}", "met" if met else "SHORT"])
    print_cells(rows, left=1)
    print(f"\n{write_results('beside_slow', {**conditions(), 'rate': rate, 'load': busy, 'results': results})}")


if __name__ == "__main__":
    main()
