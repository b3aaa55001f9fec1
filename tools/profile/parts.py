"""What a profile is made of: load, time, instructions, heap. Each function measures one in runs of its own."""

import gzip
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import instructions
import stacks

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from load_runs import result_of  # noqa: E402

ROUNDS = 5
SAMPLES_A_SECOND = 997
PACKAGES = {"perf": "linux-perf", "valgrind": "valgrind", "heaptrack": "heaptrack"}


class LeftOut(Exception):
    """A part cannot be had here; its text says why."""


def tool(name):
    path = shutil.which(name)
    if not path:
        raise LeftOut(f"`{name}` is not here: apt-get install {PACKAGES[name]}")
    return path


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
    own = stacks.own_time(seen).most_common()
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
    own = [[name, count / (long - short)] for name, count in functions[1].most_common() if count > 0]
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
    sites = stacks.allocation_sites(heap.stacks).most_common()
    return {"allocations_per_message": heap.allocations / count, "peak_bytes": heap.peak_bytes,
            "leaked_allocations": heap.allocations - heap.freed, "messages": count,
            "sites": [[name, calls / count] for name, calls in sites]}
