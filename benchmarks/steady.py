#!/usr/bin/env python3
"""Measures whether a server is as fast and as small after a minute of work as it was at first.

    steady.py BUILD_DIRECTORY [--seconds S] [--mode ping-pong|pipelined]

Two runs of `antiphon load` with antiphon_server over pipes, ping-pong and pipelined with a window of 128, each on one
connection to one process. The rates of the last and of the first tenth are compared, and the server's resident
memory (RSS) is looked at all the while.

A shared machine's own speed changes more within a minute than a bar could allow. So the floor, which keeps nothing
and can't get slower, is measured in the same minutes: the two load generators take turns of a tenth of a second,
stopped (SIGSTOP) in between, for twice the time. The rate is compared by itself and as a part of the floor's,
and both have to hold; where they are far apart, the machine was not left alone: run it again.
RSS is flat when it is at no time after the first tenth more than 64 KiB above what it was when that ended; what is taken into
use at first is no growth. The figures are also written to build/bench/steady.json.
"""

import argparse
import signal
import time
from pathlib import Path

from load_runs import Build, conditions, resident, result_of, write_results
from report import print_cells

MODES = {"ping-pong": ["--mode", "ping-pong"], "pipelined": ["--mode", "pipelined", "--window", "128"]}
TURN = 0.1
# How much slower the last tenth may be before it is no noise.
SLOWER = 0.95
GROWTH = 64 * 1024
WARM_UP = 1.0


def child_of(pid):
    """The only child of the process; None while there is none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return int(children[0]) if children else None


def take_turns(loads, server, seconds):
    """Lets one of the two run at a time until both have ended; the RSS of `server` after each of the first's turns,
    with the time since the measuring began."""
    samples = []
    begin = time.monotonic() + WARM_UP
    end = begin + seconds
    for load in loads:
        load.send_signal(signal.SIGSTOP)
    while time.monotonic() < end - TURN:
        for load in loads:
            load.send_signal(signal.SIGCONT)
            time.sleep(TURN)
            load.send_signal(signal.SIGSTOP)
            now = time.monotonic() - begin
            if load is loads[0] and 0 <= now < seconds - TURN:
                samples.append((now, resident(server)))
    for load in loads:
        load.send_signal(signal.SIGCONT)
    return samples


def measure(build, options, seconds):
    commands = build.servers()
    # Each has half of it.
    whole = 2 * seconds
    timed = [*options, "--seconds", str(whole), "--warm-up", str(WARM_UP)]
    loads = [build.start_load(timed, commands[name]) for name in ("antiphon", "floor")]
    try:
        server = None
        while server is None and loads[0].poll() is None:
            time.sleep(0.01)
            server = child_of(loads[0].pid)
        samples = take_turns(loads, server, whole)
    except BaseException:
        for load in loads:
            load.kill()
        raise
    one, floor = (result_of(load) for load in loads)
    return one, floor, samples


def figures_of(one, floor, samples):
    parts = [a / b for a, b in zip(one["windows"], floor["windows"])]
    tenth = samples[-1][0] / 10
    settled = max(size for at, size in samples if at <= tenth)
    growth = max(size for _, size in samples) - settled
    kept = one["windows"][-1] / one["windows"][0]
    kept_of_floor = parts[-1] / parts[0]
    return {"rates": one["windows"], "floor_rates": floor["windows"], "parts": parts, "kept": kept,
            "kept_of_floor": kept_of_floor, "as_fast": min(kept, kept_of_floor) >= SLOWER, "rss_after_first_tenth": settled, "rss_growth": growth,
            "flat": growth <= GROWTH, "rss": [[round(at, 3), size] for at, size in samples]}


def print_figures(mode, found):
    rows = [[mode, *(str(n) for n in range(1, len(found["parts"]) + 1))]]
    for title, rates in (("messages/s, antiphon", found["rates"]), ("messages/s, floor", found["floor_rates"])):
        # The other one had the other half of the time.
        rows.append([title, *(f"{2 * rate:,.0f}" for rate in rates)])
    rows.append(["antiphon as a part of the floor", *(f"{part:.3f}" for part in found["parts"])])
    print_cells(rows, left=1)
    print(f"the last tenth to the first: rate {found['kept']:.3f}, part {found['kept_of_floor']:.3f} "
          f"(both at least {SLOWER}): "
          f"{'met' if found['as_fast'] else 'SHORT'}")
    print(f"RSS: {found['rss_after_first_tenth'] / 1024:,.0f} KiB after the first tenth, at most "
          f"{found['rss_growth'] / 1024:,.0f} KiB more later (at most {GROWTH // 1024}): "
          f"{'met' if found['flat'] else 'SHORT'}\n")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench steady", description="Whether speed and memory stay the same.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, metavar="S", default=60, help="how long the server works (60)")
    parser.add_argument("--mode", choices=list(MODES), help="only this one")
    given = parser.parse_args()
    build = Build(given.build)
    results = {}
    for mode in [given.mode] if given.mode else MODES:
        results[mode] = figures_of(*measure(build, MODES[mode], given.seconds))
        print_figures(mode, results[mode])
    print(write_results("steady", {**conditions(), "seconds": given.seconds, "results": results}))


if __name__ == "__main__":
    main()
