#!/usr/bin/env python3
"""Runs a benchmark program and makes a table of what it measured, with the ratios to the yardsticks.

    report.py streaming_performance PROGRAM [OPTION...]    and the bars that antiphon holds itself to
    report.py message_processing PROGRAM [OPTION...]
    report.py transport_performance PROGRAM [OPTION...]
    report.py correlation_simple PROGRAM [OPTION...]
    report.py concurrency PROGRAM [OPTION...]

The options go to the program; see it for `--corpus`, and Google Benchmark for the rest. The figures are also
written to build/bench/NAME.json. Each is the fastest of several short runs, taken in random order: what else the
machine does only ever makes one slower.
"""

import json
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

from load_runs import conditions

RESULTS = Path(__file__).resolve().parent.parent / "build" / "bench"
MIB = 1024.0 * 1024.0

# Enough runs that one of each is left alone, short enough for the whole to end within minutes.
PACE = ["--benchmark_repetitions=21", "--benchmark_min_time=0.015",
        "--benchmark_enable_random_interleaving=true"]

Figure = namedtuple("Figure", "corpus what mib_per_s ns_per_message allocations", defaults=[None])


def measure(program, options, time="cpu_time"):
    """The program's context and its figures, in the order in which it lists them. `time`: "real_time" where the
    work is not all done by the thread that measures."""
    command = [program, *PACE, "--benchmark_format=json", *options]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"report: {program} failed with {finished.returncode}")
    if not finished.stdout.lstrip().startswith("{"):
        sys.exit(finished.stdout.rstrip())  # asked for something else, such as --benchmark_list_tests
    output = json.loads(finished.stdout)
    fastest = {}
    for run in output["benchmarks"]:
        if run.get("error_occurred"):
            sys.exit(f"report: {run['run_name']}: {run['error_message']}")
        if run["run_type"] == "iteration":
            known = fastest.setdefault(run["family_index"], run)
            if run[time] < known[time]:
                fastest[run["family_index"]] = run
    figures = []
    for _, run in sorted(fastest.items()):
        corpus, what = run["run_name"].split("/", 1)
        nanoseconds = run[time]
        figures.append(Figure(corpus, what, run["bytes"] / MIB / (nanoseconds / 1e9),
                              nanoseconds / run["messages"], run.get("allocations")))
    return output["context"], figures


def write_results(name, figures, **more):
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = [
        {"name": f.what, "corpus": f.corpus, "mib_per_s": round(f.mib_per_s, 3),
         "ns_per_message": round(f.ns_per_message, 3),
         **({} if f.allocations is None else {"allocations": round(f.allocations, 3)})}
        for f in figures
    ]
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({**conditions(), **more, "results": results}, indent=1) + "\n")
    return path


def ratio(by_name, figure, yardstick):
    """How many times as fast as the yardstick on the same corpus; empty where there is none."""
    other = by_name.get((figure.corpus, yardstick))
    if other is None or other.what == figure.what:
        return ""
    if figure.mib_per_s == 0:
        return f"{other.ns_per_message / figure.ns_per_message:.2f}"
    return f"{figure.mib_per_s / other.mib_per_s:.2f}"


def print_table(figures, columns):
    """`columns`: of each the title, and the function that gives the yardstick to a figure's name."""
    by_name = {(f.corpus, f.what): f for f in figures}
    counted = any(f.allocations is not None for f in figures)
    rows = [["corpus", "what", "MiB/s", "ns/message", *(title for title, _ in columns),
             *(["allocations"] if counted else [])]]
    before = None
    for f in figures:
        ratios = [ratio(by_name, f, yardstick(f.what)) for _, yardstick in columns]
        speed = f"{f.mib_per_s:.0f}" if f.mib_per_s >= 10 else f"{f.mib_per_s:.2f}" if f.mib_per_s > 0 else ""
        rows.append(["" if f.corpus == before else f.corpus, f.what, speed, f"{f.ns_per_message:.1f}", *ratios,
                     *([f"{f.allocations:.2f}"] if counted else [])])
        before = f.corpus
    print_cells(rows, left=2)


def print_cells(rows, left):
    """The first row is the headings; the first `left` columns are words. A short row spans the table."""
    full = [row for row in rows if len(row) == len(rows[0])]
    widths = [max(len(row[i]) for row in full) for i in range(len(rows[0]))]
    for row in rows:
        if len(row) < len(rows[0]):
            print(" | ".join(row))
            continue
        cells = [cell.ljust(width) if i < left else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print(" | ".join(cells).rstrip())
        if row is rows[0]:
            print("-|-".join("-" * width for width in widths))


# --- streaming ---------------------------------------------------------------------------------------------

ROUTED = ["completion", "did_change", "semantic_tokens"]
WITH_STRUCTS = ["completion", "did_change", "semantic_tokens"]


def own_yardstick(what):
    """Structs are compared with Boost.JSON's structs, all else with its parser."""
    return f"boost {what}" if what in ("decode", "encode") else "boost parse"


def parser(name):
    """A column for a parser; what goes through structs or only comes from another library stays empty."""
    def yardstick(what):
        return None if what in ("decode", "encode", "boost decode", "boost encode") else name
    return yardstick


STREAMING_COLUMNS = [
    ("x boost", lambda what: own_yardstick(what) if what not in ("boost decode", "boost encode") else None),
    ("x simdjson DOM", parser("simdjson dom")),
    ("x On-Demand", parser("simdjson ondemand")),
]

Bar = namedtuple("Bar", "title wanted reached unit at_most")


def bars(figures, scanner):
    """The bars that can be told from these figures; `reached` is better when larger, unless `at_most`."""
    speed = {(f.corpus, f.what): f.mib_per_s for f in figures}
    time = {(f.corpus, f.what): f.ns_per_message for f in figures}
    found = []

    def at_least(title, wanted, corpus, what, yardstick):
        one, other = speed.get((corpus, what)), speed.get((corpus, yardstick))
        if one and other:
            found.append(Bar(f"{title}, {corpus}", wanted, one / other, "x", False))

    envelope, full = f"envelope/{scanner}", f"full/{scanner}"
    for corpus in ROUTED:
        at_least("envelope against boost parse", 25, corpus, envelope, "boost parse")
    for corpus, wanted in [("completion", 3), ("semantic_tokens", 3), ("did_change", 1)]:
        at_least("envelope against On-Demand", wanted, corpus, envelope, "simdjson ondemand")
    if ("long_string", envelope) in speed:
        found.append(Bar("envelope, long_string", 8.5, speed["long_string", envelope] / 1024, " GiB/s", False))
    if ("hover", "envelope/avx2") in time:
        found.append(Bar("envelope with avx2, hover", 60, time["hover", "envelope/avx2"], " ns", True))
    for corpus in ROUTED:
        at_least("full against simdjson DOM", 1.5, corpus, full, "simdjson dom")
        at_least("full against boost parse", 6, corpus, full, "boost parse")
    for corpus in WITH_STRUCTS:
        at_least("decode against boost parse and value_to", 4, corpus, "decode", "boost decode")
        at_least("encode against value_from and serialize", 3, corpus, "encode", "boost encode")
    for corpus in [*ROUTED, "long_string", "document_16MiB"]:
        pieces, whole = time.get((corpus, "chunks 4 KiB")), time.get((corpus, "chunks whole"))
        if pieces and whole:
            found.append(Bar(f"time in 4 KiB pieces against whole, {corpus}", 1.1, pieces / whole, "x", True))
    small = time.get(("document_128KiB", "chunks 1 B"))
    large = time.get(("document_1MiB", "chunks 1 B"))
    if small and large:
        found.append(Bar("time of 1 MiB in 1 B pieces against 128 KiB", 12, large / small, "x", True))
    return found


def print_bars(found):
    met = 0
    rows = []
    for bar in found:
        good = bar.reached <= bar.wanted if bar.at_most else bar.reached >= bar.wanted
        met += good
        wanted = f"{'at most' if bar.at_most else 'at least'} {bar.wanted}{bar.unit}"
        rows.append((bar.title, wanted, f"met: {bar.reached:.2f}{bar.unit}" if good
                     else f"short: {bar.reached:.2f} of {bar.wanted}{bar.unit}"))
    titles, wanted = (max(len(row[i]) for row in rows) for i in (0, 1))
    for row in rows:
        print(f"{row[0].ljust(titles)} | {row[1].ljust(wanted)} | {row[2]}")
    print(f"{met} of {len(found)} met")


def streaming(program, options):
    context, figures = measure(program, options)
    scanner = context["scanner"]
    print(f"scanner: {scanner}; simdjson: {context.get('simdjson', 'not there')}")
    print("x: times as fast; decode and encode: as Boost.JSON's parse and value_to, value_from and serialize\n")
    print_table(figures, STREAMING_COLUMNS)
    found = bars(figures, scanner)
    if found:
        print("\nBars (with the scanner in use, where none is named)")
        print_bars(found)
    print(f"\n{write_results('streaming', figures, scanner=scanner)}")


# --- messages ----------------------------------------------------------------------------------------------

def messages(program, options):
    _, figures = measure(program, options)
    against = {"receive": "boost receive", "from text": "boost receive",
               "send requests": "boost send requests", "send replies": "boost send replies"}
    print_table(figures, [("x boost", against.get)])
    print(f"\n{write_results('messages', figures)}")


# --- transport ---------------------------------------------------------------------------------------------

def transport_yardstick(what):
    """The bare system calls, and the heap."""
    if what.startswith("pool, "):
        return "heap, " + what.split(", ")[2]
    return f"bare, {what}"


def transport(program, options):
    _, figures = measure(program, options, "real_time")
    print("x: times as fast as the bare system calls, or as the heap; where several threads take turns, all together\n")
    print_table(figures, [("x bare", transport_yardstick)])
    print(f"\n{write_results('transport', figures)}")


# --- correlation -------------------------------------------------------------------------------------------

# Each run fills the table first, which takes longer than what is measured.
FEW_RUNS = ["--benchmark_repetitions=7", "--benchmark_min_time=0.05"]
A_MAP = "std::unordered_map, oldest first"


def correlation(program, options):
    _, figures = measure(program, [*FEW_RUNS, *options])
    print("Calls registered and ended, while so many others wait; ns and allocations for each call\n")
    print_table(figures, [("x map", lambda what: A_MAP)])
    found = [Bar(f"register and complete, {f.corpus}, {f.what.split(': ')[1]}", 150, f.ns_per_message, " ns", True)
             for f in figures if f.what.startswith("register, complete")]
    found += [Bar(f"allocations in the steady state, {f.corpus}", 0, f.allocations, "", True)
              for f in figures if f.what.startswith("register, complete: oldest")]
    if found:
        print("\nBars")
        print_bars(found)
    print(f"\n{write_results('correlation', figures)}")


# --- concurrency -------------------------------------------------------------------------------------------

def concurrency(program, options):
    _, figures = measure(program, options, "real_time")
    print("Calls between endpoints on one thread, over sockets; ns for each call, of both sides together. thirds: "
          "fast ones,\nslow ones (1 ms on a timer), and heavy ones (256 KiB each).\n")
    print_table(figures, [("x bare round trips", lambda what: "bare round trips"),
                          ("x 1", lambda what: "1"), ("x answered", lambda what: "answered")])
    print(f"\n{write_results('concurrency', figures)}")


KINDS = {"message_processing": messages, "streaming_performance": streaming, "transport_performance": transport,
         "correlation_simple": correlation, "concurrency": concurrency}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in KINDS:
        sys.exit(__doc__.strip())
    KINDS[sys.argv[1]](sys.argv[2], sys.argv[3:])
