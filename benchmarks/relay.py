#!/usr/bin/env python3
"""Measures what a relay between a client and a server costs, beside a program that only copies bytes between them.

    relay.py BUILD_DIRECTORY [--rounds N] [--seconds S]

`antiphon load` is the client and antiphon_server the server, on pipes. Between them stand, in turn: nothing; `splice`,
which reads and writes bytes and looks at nothing; `relay`, which routes each message to its one target; and the same
with `--check`, which checks each message as a whole, not only its envelope. The client and the server share one core
and what is between them has another to itself, as far as there are two.

In each round all run once, one right after the other in random order, since what else the machine does comes and goes
within seconds. The tables show the best of the rounds for each figure. A ratio is that of the fastest rounds of both.
The bars: at least 400,000 small messages a second with a window of 128; a MiB, eight of them on their way at a time,
takes at most 1.3 times as long through the relay as through the splice. The relay has a message as a whole before it
passes it on, so that a client that stops half way holds up nobody else: where there is only one message at a time,
client, relay and server can't work on it at once as with the splice, and the ratio is larger.

The figures are also written to build/bench/relay.json.
"""

import argparse
import os
import random

from load_runs import Build, conditions, result_of, write_results
from report import print_cells

MIB = str(1 << 20)
SCENARIOS = {
    "small": ("echo of 100 B, window 128", ["--mode", "pipelined", "--window", "128"]),
    "mib": ("1 MiB, window 8", ["--mode", "pipelined", "--window", "8", "--size", MIB]),
    "mib-alone": ("1 MiB, one at a time", ["--mode", "ping-pong", "--size", MIB]),
}
LEAST_RATE = 400_000
MOST_RATIO = 1.3


def on(core):
    return ["taskset", "-c", str(core)] if core is not None else []


def commands(build, outer, inner):
    server = [*on(outer), build.program("antiphon_server")]
    relay = [*on(inner), build.program("relay_server")]
    return {
        "nothing": [*on(inner), build.program("antiphon_server")],
        "splice": [*on(inner), build.program("splice_server"), *server],
        "relay": [*relay, *server],
        "relay --check": [*relay, "--check", *server],
    }


def run(build, options, seconds, server):
    report = result_of(build.start_load([*options, "--seconds", str(seconds), "--warm-up", str(seconds / 2)], server))
    return {"rate": report["rate"], "p50_us": report["latency_us"]["p50"],
            "cpu_us": report["server_cpu_us_per_message"]}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench relay", description="What a relay costs beside a splice.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, metavar="N", default=15, help="how often each is measured (15)")
    parser.add_argument("--seconds", type=float, metavar="S", default=0.3, help="how long each run is (0.3)")
    given = parser.parse_args()
    build = Build(given.build)
    cores = sorted(os.sched_getaffinity(0))
    outer, inner = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    if outer is not None:
        os.sched_setaffinity(0, {outer})  # and with it the load program
    between = commands(build, outer, inner)

    runs = {}
    for _ in range(given.rounds):
        for name, (_, options) in SCENARIOS.items():
            for what in random.sample(list(between), len(between)):
                runs.setdefault((name, what), []).append(run(build, options, given.seconds, between[what]))

    best = {key: {"rate": max(r["rate"] for r in all_runs), "p50_us": min(r["p50_us"] for r in all_runs),
                  "cpu_us": min(r["cpu_us"] for r in all_runs)} for key, all_runs in runs.items()}
    rows = [["between client and server", "messages/s", "p50 us", "its CPU us", "time x splice"]]
    for name, (title, _) in SCENARIOS.items():
        rows.append([title])
        for what in between:
            figures = best[name, what]
            ratio = best[name, "splice"]["rate"] / figures["rate"]
            rows.append([f"  {what}", f"{figures['rate']:,.0f}", f"{figures['p50_us']:.1f}",
                         f"{figures['cpu_us']:.2f}", f"{ratio:.2f}"])
    print_cells(rows, left=1)
    rate = best["small", "relay"]["rate"]
    ratio = best["mib", "splice"]["rate"] / best["mib", "relay"]["rate"]
    print(f"\nsmall messages: {rate:,.0f} a second, at least {LEAST_RATE:,}: {'met' if rate >= LEAST_RATE else 'SHORT'}")
    print(f"1 MiB, window 8: {ratio:.2f} x splice, at most {MOST_RATIO}: {'met' if ratio <= MOST_RATIO else 'SHORT'}")
    results = {f"{name}, {what}": all_runs for (name, what), all_runs in runs.items()}
    print(f"\n{write_results('relay', {**conditions(), 'pinned': outer is not None, 'runs': results})}")


if __name__ == "__main__":
    main()
