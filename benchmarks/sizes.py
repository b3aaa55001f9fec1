#!/usr/bin/env python3
"""Measures latency and throughput by the size of a message, for whole servers over pipes.

    sizes.py BUILD_DIRECTORY [--servers NAME,...] [--rounds N] [--seconds S]

The servers are those of roundtrip.py, and so are the rounds. The messages are requests of `echo` with an array of
integers, which a parser has to look at one by one. Latency is that of one request at a time; throughput that of 16
in flight. The table shows the best of the rounds; build/bench/sizes.json has their medians too, and
tools/docs/plots.py draws them.
"""

import argparse

from load_runs import Build, conditions, write_results
from report import print_cells
from roundtrip import ALL, Scenario, measure, names

SIZES = [128 << 2 * step for step in range(8)]  # 128 B to 2 MiB
WINDOW = 16


def scenarios():
    found = {}
    for size in SIZES:
        payload = ["--size", str(size), "--payload", "integers"]
        found[f"latency-{size}"] = Scenario(f"one at a time, {size} B", ["--mode", "ping-pong", *payload], ALL)
        found[f"throughput-{size}"] = Scenario(f"{WINDOW} in flight, {size} B",
                                               ["--mode", "pipelined", "--window", str(WINDOW), *payload], ALL)
    return found


def results(measured, servers):
    found = []
    for server in servers:
        for size in SIZES:
            latency, throughput = f"latency-{size}", f"throughput-{size}"
            found.append({"server": server, "size": size, **{
                kind: {"p50_us": pick(latency, server, "p50_us"), "p99_us": pick(latency, server, "p99_us"),
                       "rate": pick(throughput, server, "rate"), "mib_per_s": pick(throughput, server, "mib_per_s")}
                for kind, pick in (("best", measured.best), ("median", measured.median))}})
    return found


def print_table(found):
    rows = [["bytes", "server", "p50 us", "p99 us", "messages/s", "MiB/s"]]
    for result in sorted(found, key=lambda one: (one["size"], ALL.index(one["server"]))):
        best = result["best"]
        rows.append([f"{result['size']:,}", result["server"], f"{best['p50_us']:.1f}", f"{best['p99_us']:.1f}",
                     f"{best['rate']:,.0f}", f"{best['mib_per_s']:.0f}"])
    print_cells(rows, left=2)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench sizes", description="Latency and throughput by size.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--servers", metavar="NAME,...", type=names(ALL, "server"), default=list(ALL),
                        help=f"these servers only: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, metavar="N", default=7, help="how often each is measured (7)")
    parser.add_argument("--seconds", type=float, metavar="S", default=0.2, help="how long each run is (0.2)")
    given = parser.parse_args()
    settings = {**conditions(), "rounds": given.rounds, "seconds": given.seconds, "window": WINDOW}
    measured = measure(Build(given.build), scenarios(), given.servers, given.rounds, given.seconds)
    found = results(measured, given.servers)
    print_table(found)
    print(f"\n{write_results('sizes', {**settings, 'results': found})}")


if __name__ == "__main__":
    main()
