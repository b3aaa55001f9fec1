#!/usr/bin/env python3
"""Measures round trips through whole servers over pipes, beside what the kernel costs, and makes a table of them.

    roundtrip.py BUILD_DIRECTORY [--only NAME,...] [--servers NAME,...] [--rounds N] [--seconds S] [--quick]

The servers: `floor` reads, finds frames and writes, without a JSON library (benchmarks/floor); `asio` is the same
as one bare Asio coroutine; `antiphon` is a full endpoint with its defaults; `vscode-jsonrpc` is what most clients
and servers of this kind are written with. antiphon-load drives each with the same bytes. The figures are also
written to build/bench/roundtrip.json.

In each round every scenario runs once with each server, one right after the other in random order. The tables
show the best of the rounds for each figure: what else the machine does only ever makes one slower, and it comes and
goes within seconds. Beside each bar stands also the median of the ratios that the single rounds gave, which knows
no luck but all of the noise; where the two are far apart, run it again on a machine that is left alone.
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

    def ratio(self, figure, one, other):
        """Of two pairs of scenario and server: the ratio of the bests, and the median of the rounds' ratios."""
        if one not in self.runs or other not in self.runs:
            return None
        rounds = [a[figure] / b[figure] for a, b in zip(self.runs[one], self.runs[other])]
        return self.best(*one, figure) / self.best(*other, figure), statistics.median(rounds)


def measure(build, chosen, servers, rounds, seconds):
    commands = build.servers()
    measured = Measured()
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for name, scenario in chosen.items():
            here = [server for server in scenario.servers if server in servers]
            for server in random.sample(here, len(here)):
                options = [*scenario.options, "--seconds", str(seconds), "--warm-up", str(seconds / 2)]
                measured.add(name, server, figures_of(result_of(build.start_load(options, commands[server]))))
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
            ratios = [measured.ratio(figure, (name, server), (name, "floor")) if server != "floor" else None
                      for figure in ("p50_us", "rate", "cpu_us")]
            rows.append([f"  {server}", f"{value['p50_us']:.1f}", f"{value['p99_us']:.1f}", f"{value['rate']:,.0f}",
                         f"{value['mib_per_s']:.0f}", f"{value['cpu_us']:.2f}", f"{value['client_cpu_us']:.2f}",
                         *("" if ratio is None else f"{ratio[0]:.2f}" for ratio in ratios)])
    print_cells(rows, left=1)


# --- bars --------------------------------------------------------------------------------------------------

Bar = namedtuple("Bar", "title at_most wanted best median")


def bars(measured):
    """Those that can be told from what was measured. `median`: None where there is no ratio."""
    found = []

    def ratio(title, at_most, wanted, figure, scenario, of, to):
        pair = measured.ratio(figure, (scenario, of), (scenario, to))
        if pair:
            found.append(Bar(title, at_most, wanted, *pair))

    for method in ("echo", "add"):
        ping = f"ping-{method}"
        ratio(f"ping-pong {method}: median against the floor", True, 1.6, "p50_us", ping, "antiphon", "floor")
        ratio(f"ping-pong {method}: median against bare Asio", True, 1.2, "p50_us", ping, "antiphon", "asio")
        ratio(f"ping-pong {method}: CPU against the floor", True, 1.7, "cpu_us", ping, "antiphon", "floor")
    for method, scenario in (("echo", "window-128"), ("add", "add-128")):
        ratio(f"window 128 {method}: rate against the floor", False, 0.7, "rate", scenario, "antiphon", "floor")
        if (scenario, "antiphon") in measured.runs:
            cpu = [run["cpu_us"] for run in measured.runs[scenario, "antiphon"]]
            found.append(Bar(f"window 128 {method}: us of CPU a message", True, 1.0, min(cpu),
                             statistics.median(cpu)))
        ratio(f"window 128 {method}: rate against vscode-jsonrpc", False, 10, "rate", scenario, "antiphon",
              "vscode-jsonrpc")
    windows = [(f"window-{window}", "antiphon") for window in WINDOWS]
    if all(pair in measured.runs for pair in windows):
        best = [measured.best(*pair, "cpu_us") for pair in windows]
        rounds = [[run["cpu_us"] for run in measured.runs[pair]] for pair in windows]
        medians = [statistics.median(runs) for runs in rounds]
        found.append(Bar("windows 16 to 4096: most CPU a message to least", True, 1.15, max(best) / min(best),
                         max(medians) / min(medians)))
    for scenario, title in (("string", "string"), ("integers", "array of integers")):
        ratio(f"1 MiB {title}: bytes/s against the floor", False, 0.5, "rate", scenario, "antiphon", "floor")
    return found


def met(bar):
    return bar.best <= bar.wanted if bar.at_most else bar.best >= bar.wanted


def print_bars(found):
    rows = [["bar", "wanted", "", "best", "median of rounds"]]
    for bar in found:
        rows.append([bar.title, f"{'at most' if bar.at_most else 'at least'} {bar.wanted}",
                     "met" if met(bar) else "SHORT", f"{bar.best:.2f}", f"{bar.median:.2f}"])
    print_cells(rows, left=3)
    print(f"{sum(met(bar) for bar in found)} of {len(found)} met")


# --- all ---------------------------------------------------------------------------------------------------

def as_json(measured, chosen, found, settings):
    results = []
    for (name, server), runs in measured.runs.items():
        results.append({"scenario": name, "title": chosen[name].title, "server": server,
                        "best": {figure: measured.best(name, server, figure) for figure in FIGURES},
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
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured (9; with --quick 3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long each run is (0.3; with --quick 0.15)")
    parser.add_argument("--quick", action="store_true", help="a first impression")
    given = parser.parse_args()
    rounds = given.rounds or (3 if given.quick else 9)
    seconds = given.seconds or (0.15 if given.quick else 0.3)

    settings = {**conditions(), "rounds": rounds, "seconds": seconds}
    chosen = {name: scenario for name, scenario in known.items() if name in given.only}
    measured = measure(Build(given.build), chosen, given.servers, rounds, seconds)
    print(f"pipes, Content-Length; the best of {rounds} rounds of {seconds} s\n")
    print_tables(measured, chosen)
    found = bars(measured)
    if found:
        print()
        print_bars(found)
    print(f"\n{write_results('roundtrip', as_json(measured, chosen, found, settings))}")


if __name__ == "__main__":
    main()
