#!/usr/bin/env python3
"""Profiles the benchmark server under a fixed load; see docs/guide/profiling.md.

    record.py --list                 the workloads
    record.py --targets              what has to be built for it
    record.py --build BUILD NAME     writes profiles/<time>-NAME/: summary.md, profile.json, cpu.folded, heap.folded

Each part has a run of its own, so that none disturbs another: the load figures come from runs without any tool.
"""

import argparse
import gzip
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import instructions
import stacks
import summary

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from load_runs import Build, LOAD, conditions, result_of  # noqa: E402

# The load; the replay whose instructions are counted; whether the floor understands the messages; how many messages
# heaptrack sees. Figures of different dates are comparable only as long as nobody changes a row: add one instead.
WORKLOADS = {
    "pingpong": (["--mode", "ping-pong", "--size", "100"], "request", True, 100_000),
    "pipelined": (["--mode", "pipelined", "--size", "100", "--window", "128"], "pipelined", True, 200_000),
    "large": (["--mode", "ping-pong", "--size", "1100000"], "large", True, 1_000),
    "batch": (["--mode", "batch", "--size", "100", "--batch", "10", "--window", "4"], "batch", True, 200_000),
    "mixed": (["--mode", "mixed", "--size", "100"], "mixed", False, 100_000),
}
ROUNDS = 5
SAMPLES_A_SECOND = 997
KEPT_FUNCTIONS = 40
PACKAGES = {"perf": "linux-perf", "valgrind": "valgrind", "heaptrack": "heaptrack"}
# With place and kind, since a program may have the name of the library.
TARGETS = [os.path.normpath(f"benchmarks/{name}") + ":executable"
           for name in ("antiphon_server", "floor_server", "antiphon-replay", LOAD[0])]


class LeftOut(Exception):
    """A part cannot be had here; its text says why."""


def tool(name):
    path = shutil.which(name)
    if not path:
        raise LeftOut(f"`{name}` is not here: apt-get install {PACKAGES[name]}")
    return path


# --- what the figures depend on -----------------------------------------------------------------------------------

def output_of(*command):
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def libraries(program):
    """The shared libraries with their full versions, as far as file names tell."""
    paths = re.findall(r"=> (/\S+)", output_of("ldd", program))
    return sorted(Path(path).resolve().name for path in paths)


def facts(build, seconds):
    commit = output_of("git", "rev-parse", "HEAD")
    return {
        **conditions(),
        "compiler": instructions.build_of(build.program("antiphon-replay")),
        "libc": " ".join(platform.libc_ver()),
        "libraries": libraries(build.program("antiphon_server")),
        "commit": commit or "unknown",
        "dirty": bool(output_of("git", "status", "--porcelain")) if commit else None,
        "seconds_a_round": seconds,
    }


# --- the parts ----------------------------------------------------------------------------------------------------

def round_of(load, floor):
    """The figures of one round, beside those of the floor right after it, where there is one."""
    latency = load["latency_us"] or {}
    figures = {"rate": load["rate"], **{f"{name}_us": latency[name] for name in latency}}
    if floor:
        figures["rate_of_floor"] = load["rate"] / floor["rate"]
        for name in ("p50", "p99"):
            figures[f"{name}_of_floor"] = latency[name] / floor["latency_us"][name]
    return figures


def load_part(build, options, with_floor, seconds):
    """The server and the floor in turns, since a shared machine's speed changes meanwhile."""
    server, floor = ([build.program(name)] for name in ("antiphon_server", "floor_server"))
    timed = [*options, "--seconds", str(seconds)]
    loads, rounds = [], []
    for _ in range(ROUNDS):
        loads.append(result_of(build.start_load(timed, server)))
        beside = result_of(build.start_load(timed, floor)) if with_floor else None
        rounds.append(round_of(loads[-1], beside))
    best = max(loads, key=lambda one: one["rate"])
    ratios = {name: statistics.median(one[name] for one in rounds) for name in rounds[0] if name.endswith("_of_floor")}
    return {
        **round_of(best, None), **ratios, "rounds": rounds,
        "server_cpu_us_per_message": best["server_cpu_us_per_message"],
        "client_cpu_us_per_message": best["client_cpu_us_per_message"],
        "messages": sum(one["messages"] for one in loads), "errors": sum(one["errors"] for one in loads),
    }


def cpu_part(build, options, seconds, directory):
    perf = tool("perf")
    with tempfile.TemporaryDirectory() as scratch:
        data = f"{scratch}/perf.data"
        sampling = ["-e", "cpu-clock", "-F", str(SAMPLES_A_SECOND), "--call-graph", "fp"]
        perf_record = [perf, "record", "-q", *sampling, "-o", data]
        tried = subprocess.run([*perf_record, "--", "true"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            raise LeftOut(f"perf may not sample here: {tried.stderr.strip().splitlines()[-1]}")
        timed = [*options, "--seconds", str(ROUNDS * seconds)]
        result_of(build.start_load(timed, [*perf_record, "--", build.program("antiphon_server")]))
        script = subprocess.run([perf, "script", "-i", data, "-F", "comm,ip,sym,dso", "--no-inline"],
                                capture_output=True, text=True, errors="replace", check=True)
    seen = stacks.from_perf_script(script.stdout.splitlines())
    (directory / "cpu.folded").write_text(stacks.to_folded(seen), encoding="utf-8")
    samples = sum(seen.values())
    own = stacks.own_time(seen).most_common(KEPT_FUNCTIONS)
    return {"samples": samples, "functions": [[name, count / samples] for name, count in own]}


def instructions_part(build, replay):
    tool("valgrind")
    program = build.program("antiphon-replay")
    short, long = instructions.LENGTHS[replay]
    counts, functions = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for messages in (short, long):
            counts.append(instructions.run(program, replay, messages, f"{scratch}/{messages}"))
            text = Path(f"{scratch}/{messages}").read_text(encoding="utf-8", errors="replace")
            functions.append(stacks.from_callgrind(text.splitlines()))
    functions[1].subtract(functions[0])
    own = [[name, count / (long - short)] for name, count in functions[1].most_common(KEPT_FUNCTIONS) if count > 0]
    return {"replay": replay, "per_message": (counts[1] - counts[0]) / (long - short), "functions": own}


def heap_part(build, options, messages, directory):
    # The script `heaptrack` itself prints on standard output, which is the server's.
    home = Path(tool("heaptrack")).resolve().parent.parent / "lib" / "heaptrack"
    preload, interpret = home / "libheaptrack_preload.so", home / "libexec" / "heaptrack_interpret"
    for part in (preload, interpret):
        if not part.is_file():
            raise LeftOut(f"heaptrack is here, but not its {part}")
    with tempfile.TemporaryDirectory() as scratch:
        raw = f"{scratch}/raw"
        server = ["env", f"LD_PRELOAD={preload}", f"DUMP_HEAPTRACK_OUTPUT={raw}", build.program("antiphon_server")]
        load = result_of(build.start_load([*options, "--messages", str(messages), "--warm-up", "0"], server))
        with open(raw, "rb") as recorded:
            told = subprocess.run([interpret], stdin=recorded, capture_output=True, check=True).stdout
    with gzip.open(directory / "heaptrack.gz", "wb") as kept:
        kept.write(told)
    heap = stacks.from_heaptrack(told.decode(errors="replace").splitlines())
    (directory / "heap.folded").write_text(stacks.to_folded(heap.stacks), encoding="utf-8")
    count = load["messages"]
    sites = stacks.allocation_sites(heap.stacks).most_common(KEPT_FUNCTIONS)
    return {"allocations_per_message": heap.allocations / count, "peak_bytes": heap.peak_bytes,
            "leaked_allocations": heap.allocations - heap.freed, "messages": count,
            "sites": [[name, calls / count] for name, calls in sites]}


# --- all ----------------------------------------------------------------------------------------------------------

def record(build, name, seconds, directory):
    """Measures all parts and writes them into the directory."""
    options, replay, with_floor, heap_messages = WORKLOADS[name]
    profile = {"name": name, "time": time.strftime("%Y-%m-%d %H:%M:%S %z"), "load_options": options,
               "facts": facts(build, seconds), "left_out": []}
    parts = {
        "load": lambda: load_part(build, options, with_floor, seconds),
        "cpu": lambda: cpu_part(build, options, seconds, directory),
        "instructions": lambda: instructions_part(build, replay),
        "heap": lambda: heap_part(build, options, heap_messages, directory),
    }
    for part, measure in parts.items():
        print(f"profile {name}: {part}", file=sys.stderr, flush=True)
        try:
            profile[part] = measure()
        except LeftOut as reason:
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
