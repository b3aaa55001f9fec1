#!/usr/bin/env python3
"""Profiles the benchmark server under a fixed load; see docs/guide/profiling.md.

    record.py --list                 the workloads
    record.py --targets              what has to be built for it
    record.py --build BUILD NAME     writes profiles/<time>-NAME/: summary.md, profile.json, cpu.folded, heap.folded

Each part has a run of its own, so that none disturbs another: the load figures come from runs without any tool.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import machine
import parts
import summary

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from load_runs import Build, LOAD  # noqa: E402

# The load; the replay whose instructions are counted; whether the floor understands the messages; how many messages
# heaptrack sees. Figures of different dates are comparable only as long as nobody changes a row: add one instead.
WORKLOADS = {
    "pingpong": (["--mode", "ping-pong", "--size", "100"], "request", True, 100_000),
    "pipelined": (["--mode", "pipelined", "--size", "100", "--window", "128"], "pipelined", True, 200_000),
    "large": (["--mode", "ping-pong", "--size", "1100000"], "large", True, 1_000),
    "batch": (["--mode", "batch", "--size", "100", "--batch", "10", "--window", "4"], "batch", True, 200_000),
    "mixed": (["--mode", "mixed", "--size", "100"], "mixed", False, 100_000),
}
# With place and kind, since a program may have the name of the library.
TARGETS = [os.path.normpath(f"benchmarks/{name}") + ":executable"
           for name in ("antiphon_server", "floor_server", "antiphon-replay", LOAD[0])]


def record(build, name, seconds, directory):
    """Measures all parts and writes them into the directory."""
    options, replay, with_floor, heap_messages = WORKLOADS[name]
    profile = {"name": name, "time": time.strftime("%Y-%m-%d %H:%M:%S %z"), "load_options": options,
               "facts": machine.facts(build, seconds), "left_out": []}
    measures = {
        "load": lambda: parts.load_part(build, options, with_floor, seconds),
        "cpu": lambda: parts.cpu_part(build, options, seconds, directory),
        "instructions": lambda: parts.instructions_part(build, replay),
        "heap": lambda: parts.heap_part(build, options, heap_messages, directory),
    }
    for part, measure in measures.items():
        print(f"profile {name}: {part}", file=sys.stderr, flush=True)
        try:
            profile[part] = measure()
        except parts.LeftOut as reason:
            print(f"profile {name}: {part} is LEFT OUT: {reason}", file=sys.stderr, flush=True)
            profile["left_out"].append({"part": part, "why": str(reason)})
    (directory / "profile.json").write_text(json.dumps(profile, indent=1) + "\n", encoding="utf-8")
    (directory / "summary.md").write_text(summary.page(profile), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="./dev profile", description="Profiles the benchmark server.")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--targets", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="print the workloads")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="how long each of the rounds takes (2)")
    parser.add_argument("name", nargs="?", choices=WORKLOADS, help="the workload")
    options = parser.parse_args()
    if options.targets:
        print(*TARGETS, sep="\n")
    elif options.list or not options.name:
        for name, (load, *_) in WORKLOADS.items():
            print(f"{name:<10} {' '.join(load)}")
    else:
        directory = ROOT / "profiles" / f"{time.strftime('%Y%m%d-%H%M%S')}-{options.name}"
        # A profile that was broken off is none.
        with tempfile.TemporaryDirectory() as unfinished:
            record(Build(options.build), options.name, options.seconds, Path(unfinished))
            directory.mkdir(parents=True)
            for file in Path(unfinished).iterdir():
                shutil.move(file, directory / file.name)
        print((directory / "summary.md").read_text(encoding="utf-8"))
        print(os.path.relpath(directory, ROOT))


if __name__ == "__main__":
    main()
