#!/usr/bin/env python3
"""Measures round trips through whole servers over pipes, beside what the kernel costs, and makes a table of them.

    roundtrip.py BUILD_DIRECTORY [--only NAME,...] [--servers NAME,...] [--rounds N] [--seconds S] [--quick]

The servers: `floor` reads, finds frames and writes, without a JSON library (benchmarks/floor); `asio` is the same
as one bare Asio coroutine; `antiphon` is a full endpoint with its defaults; `vscode-jsonrpc` is what most clients
and servers of this kind are written with. `antiphon load` drives each with the same bytes. The figures are also
written to build/bench/roundtrip.json.

In each round every scenario runs once with each server, one right after the other in random order. What else the
machine does comes and goes within seconds, and only ever makes one slower: the tables show the best of the rounds
for each figure. A ratio is the median of the ratios that the single rounds gave, since only figures of the same
moment can be compared; two bests may stem from different ones. The bars are told from these ratios, and from the
medians where they name a time.
"""

import argparse
import random
import statistics
import sys
from collections import namedtuple

from load_runs import Build, conditions, result_of, write_results
from report import print_cells

Scenario = namedtuple("Scenario", "title options servers")

ALL = ("floor", "asio", "antiphon", "vscode-jsonrpc")
MIB = str(1 << 20)
WINDOWS = (16, 128, 1024, 4096)


def scenarios():
    ping = ["--mode", "ping-pong"]
    found = {
        "ping-echo": Scenario("ping-pong, echo of 100 B", [*ping, "--method", "echo"], ALL),
        "ping-add": Scenario("ping-pong, add(17, 25)", [*ping, "--method", "add"], ALL),
    }
    for window in WINDOWS:
        found[f"window-{window}"] = Scenario(f"pipelined, echo of 100 B, window {window}",
                                             ["--mode", "pipelined", "--window", str(window)], ALL)
    found["add-128"] = Scenario("pipelined, add(17, 25), window 128",
                                ["--mode", "pipelined", "--window", "128", "--method", "add"], ALL)
    # vscode-jsonrpc answers no batches.
    found["batch-100"] = Scenario("batches of 100, echo of 100 B", ["--mode", "batch", "--batch", "100"], ALL[:-1])
    found["string"] = Scenario("1 MiB string, echo", [*ping, "--size", MIB, "--payload", "string"], ALL)
    found["integers"] = Scenario("1 MiB array of integers, echo", [*ping, "--size", MIB, "--payload", "integers"], ALL)
    return found


# --- measuring ---------------------------------------------------------------------------------------------

FIGURES = {"p50_us": min, "p99_us": min, "rate": max, "mib_per_s": max, "cpu_us": min, "client_cpu_us": min}
# A round that only compares how much a message costs at each of them, one right after the other.
FLATNESS = {window: ["--mode", "pipelined", "--window", str(window)] for window in WINDOWS}
FLATNESS_SERVERS = ("floor", "antiphon")
# JavaScript is compiled while it runs.
WARM_UP = {"vscode-jsonrpc": 0.5}


def figures_of(result):
    latency = result["latency_us"]
    return {"p50_us": latency["p50"], "p99_us": latency["p99"], "rate": result["rate"],
            "mib_per_s": result["mib_per_s"], "cpu_us": result["server_cpu_us_per_message"],
            "client_cpu_us": result["client_cpu_us_per_message"]}


class Measured:
    """All runs, and what comes out of them."""

    def __init__(self):
        self.runs = {}  # (scenario, server): the figures of each round

    def add(self, scenario, server, figures):
        self.runs.setdefault((scenario, server), []).append(figures)

    def best(self, scenario, server, figure):
        return FIGURES[figure](run[figure] for run in self.runs[scenario, server])

    def median(self, scenario, server, figure):
        return statistics.median(run[figure] for run in self.runs[scenario, server])

    def ratio(self, figure, scenario, one, other):
        """The median of the rounds' ratios; None where one of the servers was left out."""
        if (scenario, one) not in self.runs or (scenario, other) not in self.runs:
            return None
        return statistics.median(a[figure] / b[figure]
                                 for a, b in zip(self.runs[scenario, one], self.runs[scenario, other]))

    def spread(self, server):
        """The largest CPU time a message of all windows to the smallest, whatever the machine's speed was."""
        if (f"flat-{WINDOWS[0]}", server) not in self.runs:
            return None
        rounds = zip(*([run["cpu_us"] for run in self.runs[f"flat-{window}", server]] for window in WINDOWS))
        levelled = [[cpu / statistics.mean(costs) for cpu in costs] for costs in rounds]
        typical = [statistics.median(costs) for costs in zip(*levelled)]
        return max(typical) / min(typical)


def measure(build, chosen, servers, rounds, seconds):
    commands = build.servers()
    measured = Measured()

    def run(name, server, options):
        warm_up = max(WARM_UP.get(server, 0), seconds / 2)
        load = build.start_load([*options, "--seconds", str(seconds), "--warm-up", str(warm_up)], commands[server])
        measured.add(name, server, figures_of(result_of(load)))

    flat = all(f"window-{window}" in chosen for window in WINDOWS)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for name, scenario in chosen.items():
            here = [server for server in scenario.servers if server in servers]
            for server in random.sample(here, len(here)):
                run(name, server, scenario.options)
        for server in FLATNESS_SERVERS if flat else ():
            for window in random.sample(WINDOWS, len(WINDOWS)) if server in servers else ():
                run(f"flat-{window}", server, FLATNESS[window])
    return measured


# --- tables ------------------------------------------------------------------------------------------------

HEADINGS = ["", "p50 us", "p99 us", "messages/s", "MiB/s", "CPU us", "client's CPU us", "p50 x floor",
            "rate x floor", "CPU x floor"]


def print_tables(measured, chosen):
    rows = [HEADINGS]
    for name, scenario in chosen.items():
        rows.append([scenario.title])
        for server in ALL:
            if (name, server) not in measured.runs:
                continue
            value = {figure: measured.best(name, server, figure) for figure in FIGURES}
            ratios = [measured.ratio(figure, name, server, "floor") if server != "floor" else None
                      for figure in ("p50_us", "rate", "cpu_us")]
            rows.append([f"  {server}", f"{value['p50_us']:.1f}", f"{value['p99_us']:.1f}", f"{value['rate']:,.0f}",
                         f"{value['mib_per_s']:.0f}", f"{value['cpu_us']:.2f}", f"{value['client_cpu_us']:.2f}",
                         *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)])
    print_cells(rows, left=1)


# --- bars --------------------------------------------------------------------------------------------------

Bar = namedtuple("Bar", "title at_most wanted reached")


def bars(measured):
    """Those that can be told from what was measured."""
    found = []

    def add(title, at_most, wanted, reached):
        if reached is not None:
            found.append(Bar(title, at_most, wanted, reached))

    def against(other, figure, scenario):
        return measured.ratio(figure, scenario, "antiphon", other)

    for method in ("echo", "add"):
        ping = f"ping-{method}"
        add(f"ping-pong {method}: median against the floor", True, 1.6, against("floor", "p50_us", ping))
        add(f"ping-pong {method}: median against bare Asio", True, 1.2, against("asio", "p50_us", ping))
        add(f"ping-pong {method}: CPU against the floor", True, 1.7, against("floor", "cpu_us", ping))
    for method, scenario in (("echo", "window-128"), ("add", "add-128")):
        add(f"window 128 {method}: rate against the floor", False, 0.7, against("floor", "rate", scenario))
        if (scenario, "antiphon") in measured.runs:
            add(f"window 128 {method}: us of CPU a message", True, 1.0,
                measured.median(scenario, "antiphon", "cpu_us"))
        add(f"window 128 {method}: rate against vscode-jsonrpc", False, 10,
            against("vscode-jsonrpc", "rate", scenario))
    add("windows 16 to 4096: most CPU a message to least", True, 1.15, measured.spread("antiphon"))
    add("1 MiB string: bytes/s against the floor", False, 0.5, against("floor", "mib_per_s", "string"))
    add("1 MiB array of integers: bytes/s against the floor", False, 0.5, against("floor", "mib_per_s", "integers"))
    return found


def met(bar):
    return bar.reached <= bar.wanted if bar.at_most else bar.reached >= bar.wanted


def print_bars(found):
    rows = [["bar", "wanted", "", "reached"]]
    for bar in found:
        rows.append([bar.title, f"{'at most' if bar.at_most else 'at least'} {bar.wanted}",
                     "met" if met(bar) else "SHORT", f"{bar.reached:.2f}"])
    print_cells(rows, left=3)
    print(f"{sum(met(bar) for bar in found)} of {len(found)} met")


# --- all ---------------------------------------------------------------------------------------------------

def as_json(measured, chosen, found, settings):
    results = []
    for (name, server), runs in measured.runs.items():
        title = chosen[name].title if name in chosen else "pipelined, echo of 100 B, for the flatness"
        results.append({"scenario": name, "title": title, "server": server,
                        "best": {figure: measured.best(name, server, figure) for figure in FIGURES},
                        "median": {figure: measured.median(name, server, figure) for figure in FIGURES},
                        "rounds": runs})
    return {**settings, "results": results,
            "bars": [{**bar._asdict(), "met": met(bar)} for bar in found]}


def names(known, kind):
    def parse(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"no {kind} '{name}'; there are {', '.join(known)}")
        return chosen
    return parse


def main():
    known = scenarios()
    parser = argparse.ArgumentParser(prog="./dev bench roundtrip",
                                     description="Round trips through whole servers over pipes.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="NAME,...", type=names(known, "scenario"), default=list(known),
                        help=f"these scenarios only: {', '.join(known)}")
    parser.add_argument("--servers", metavar="NAME,...", type=names(ALL, "server"), default=list(ALL),
                        help=f"these servers only: {', '.join(ALL)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured (11; with --quick 3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each run is (0.2; with --quick 0.1)")
    parser.add_argument("--quick", action="store_true", help="a first impression")
    given = parser.parse_args()
    rounds = given.rounds or (3 if given.quick else 11)
    seconds = given.seconds or (0.1 if given.quick else 0.2)

    settings = {**conditions(), "rounds": rounds, "seconds": seconds}
    chosen = {name: scenario for name, scenario in known.items() if name in given.only}
    measured = measure(Build(given.build), chosen, given.servers, rounds, seconds)
    print(f"pipes, Content-Length; {rounds} rounds of {seconds} s: the best of each figure, the median ratio\n")
    print_tables(measured, chosen)
    found = bars(measured)
    if found:
        print()
        print_bars(found)
        if measured.spread("floor"):
            print(f"The floor's own most CPU a message to least, windows 16 to 4096: {measured.spread('floor'):.2f}")
    print(f"\n{write_results('roundtrip', as_json(measured, chosen, found, settings))}")


if __name__ == "__main__":
    main()
