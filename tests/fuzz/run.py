#!/usr/bin/env python3
"""Runs the fuzz targets, or replays what fuzzers have found.

    run.py --build build/fuzz [--seconds N] [TARGET...]    fuzz each target for N seconds
    run.py --build build/fuzz --keep [TARGET...]           take the best of what was found into the tree
    run.py --build build --replay [TARGET...]              run each target on its committed corpus and
                                                           on what once crashed it (crashes/TARGET)

Fuzzing writes to BUILD/corpus/TARGET, BUILD/crashes/TARGET and BUILD/fuzz-logs only. Replaying ends with
`N passed, N failed`.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
CRASHES = HERE / "crashes"
# Each with its dictionaries.
TARGETS = {
    "validate": ["json"],
    "scanner": ["json", "messages"],
    "content_length": ["headers", "messages"],
    "line": ["json", "messages", "headers"],
    "sequence": ["json", "messages", "headers"],
    "message_view": ["json", "messages"],
    "decode": ["json", "values"],
    "endpoint": ["messages", "headers", "json"],
    "relay_config": ["relay", "json"],
}

LONGEST_INPUT = 4096
# What is committed is small: finds of at most so many bytes, and for each target no more files than that.
LONGEST_KEPT, MOST_FILES = 1024, 290
SECONDS_PER_INPUT = 10
MEMORY_MIB = 2048
# "#123456	DONE   cov: 812 ft: 3001 corp: 512/19Kb lim: 4096 exec/s: 2057 rss: 431Mb"
PROGRESS = re.compile(rb"#(\d+)\s+(?:DONE|pulse|INITED|REDUCE|NEW|RELOAD)\s+cov: (\d+) ft: (\d+) corp: (\d+)/")


def files_of(directory):
    return sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []


def inputs(target):
    """What is committed for a target."""
    return [place / target for place in (CORPUS, CRASHES) if (place / target).is_dir()]


def program(build, prefix, target):
    path = build / "tests" / "fuzz" / f"antiphon-{prefix}-{target}"
    if not path.is_file():
        sys.exit(f"run.py: no program {path}")
    return path


def dictionary(build, target):
    """libFuzzer takes one."""
    path = build / "dictionaries" / f"{target}.dict"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\n".join((HERE / f"{name}.dict").read_bytes() for name in TARGETS[target]))
    return path


def fuzz(build, target, seconds):
    """Runs one target; True unless it found something."""
    fuzzer = program(build, "fuzz", target)
    finds, crashes, logs = build / "corpus" / target, build / "crashes" / target, build / "fuzz-logs"
    for directory in (finds, crashes, logs):
        directory.mkdir(parents=True, exist_ok=True)
    known_finds, known_crashes = len(files_of(finds)), set(files_of(crashes))
    log = logs / f"{target}.log"
    with open(log, "wb") as sink:
        exit_code = subprocess.run(
            [fuzzer, f"-max_total_time={seconds}", f"-timeout={SECONDS_PER_INPUT}", f"-max_len={LONGEST_INPUT}",
             f"-rss_limit_mb={MEMORY_MIB}", f"-dict={dictionary(build, target)}",
             "-print_funcs=0",  # to look up their names takes most of a short run
             f"-artifact_prefix={crashes}/", finds, *inputs(target)],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
        ).returncode

    output = log.read_bytes()
    progress = PROGRESS.findall(output)
    runs, coverage, features, corpus = map(int, progress[-1]) if progress else (0, 0, 0, 0)
    print(f"{target:<14} {runs:>9} runs in {seconds} s, {coverage} edges and {features} features covered by "
          f"{corpus} inputs, {len(files_of(finds)) - known_finds} finds", flush=True)
    if exit_code == 0 and runs > 0:
        return True
    new = [path for path in files_of(crashes) if path not in known_crashes]
    for path in new:
        print(f"  {target} failed: {path}\n  replay it: {fuzzer} {path}")
    if not new:
        print(f"  {target} ended with exit code {exit_code}")
    print(*(f"    {line}" for line in output.decode(errors="replace").splitlines()[-40:]), sep="\n")
    print(f"  all of it: {log}", flush=True)
    return False


def keep(build, target):
    """Adds those of the small finds to the committed corpus that reach an edge which nothing else there does."""
    small = build / "small" / target
    shutil.rmtree(small, ignore_errors=True)
    for name in ("all", "best"):
        (small / name).mkdir(parents=True)
    committed = CORPUS / target
    # Seeds, sessions and what once crashed stay. An earlier find is named by its hash alone.
    staying = [path for place in inputs(target) for path in files_of(place)
               if place.parent == CRASHES or "-" in path.name]
    for path in staying:
        shutil.copy(path, small / "best" / path.name)
    room = MOST_FILES - len(staying)
    if room < 1:
        sys.exit(f"run.py: {len(staying)} seeds, sessions and crashes of {target} leave no room for finds: {MOST_FILES} files")
    finds = [path for path in files_of(build / "corpus" / target) + files_of(committed) if path not in staying]
    for path in finds:
        if path.stat().st_size <= LONGEST_KEPT:
            shutil.copy(path, small / "all" / path.name)
    subprocess.run([program(build, "fuzz", target), "-set_cover_merge=1", "-use_counters=0",  # of edges, not how often
                    small / "best", small / "all"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    for path in files_of(committed):
        if path not in staying:
            path.unlink()
    names = {path.name for path in staying}
    best = [path for path in files_of(small / "best") if path.name not in names]
    # Of all sizes: short ones are about tokens, long ones about the edges between blocks.
    best.sort(key=lambda path: path.stat().st_size)
    for path in best[:: len(best) // room + 1]:
        shutil.copy(path, committed / path.name)
    kept = files_of(committed)
    print(f"{target:<14} {len(kept)} files, {sum(path.stat().st_size for path in kept)} bytes; of {len(finds)} finds "
          f"{len(best)} were worth it")
    return True


def replay(build, target):
    """(inputs that passed, inputs that failed): a target ends at the first that fails."""
    done = subprocess.run([program(build, "replay", target), *inputs(target)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.decode(errors="replace").splitlines()
    total = re.fullmatch(r"(\d+) replayed", lines[-1]) if lines else None
    if done.returncode == 0 and total:
        print(f"{target}: {lines[-1]}")
        return int(total[1]), 0
    print(f"{target}: exit code {done.returncode}", *(f"    {line}" for line in lines[-3:]), sep="\n")
    return 0, 1


def main():
    parser = argparse.ArgumentParser(description="Runs the fuzz targets of antiphon.")
    parser.add_argument("--build", required=True, type=Path, help="the build directory")
    parser.add_argument("--seconds", type=int, default=60, help="how long each target runs (60)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--keep", action="store_true", help="take the best small finds into the tree")
    what.add_argument("--replay", action="store_true", help="run what is in the tree")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all of them")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    unknown = [target for target in targets if target not in TARGETS]
    if unknown:
        sys.exit(f"run.py: no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")

    build = options.build.resolve()
    if options.replay:
        passed, failed = map(sum, zip(*(replay(build, target) for target in targets)))
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0
    results = [keep(build, target) if options.keep else fuzz(build, target, options.seconds) for target in targets]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
