#!/usr/bin/env python3
"""Compares the instructions that each message of a fixed replay costs with those in benchmarks/baseline.json.

    baseline.py --build BUILD              each within 3%, or it fails
    baseline.py --build BUILD --repeat N   counts N times, and shows how far the counts lie apart
    baseline.py --build BUILD --update     writes what it counts into the file

Before that the replay runs by itself, and checks each answer. A message may not get cheaper unnoticed either: the
file would then let the next change give the gain away. Each compiler and build type has figures of its own; where
there are none for this one, every workload is skipped.
"""

import argparse
import json
import sys
from pathlib import Path

import instructions

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "benchmarks" / "baseline.json"
TOLERANCE = 0.03


def verdict(counted, kept):
    """"same", "worse" or "better": of one workload."""
    change = counted / kept - 1
    return "worse" if change > TOLERANCE else "better" if change < -TOLERANCE else "same"


def report(counted, kept):
    """The lines of the table, and how many workloads passed, failed and were skipped."""
    lines = [f"{'instructions a message':<24}{'counted':>12}{'kept':>12}{'change':>9}"]
    passed = failed = skipped = 0
    for workload, figure in counted.items():
        before = kept.get(workload)
        if before is None:
            lines.append(f"{workload:<24}{figure:>12.1f}{'none':>12}{'':>9}  skipped: ./dev baseline --update adds it")
            skipped += 1
            continue
        what = verdict(figure, before)
        failed += what != "same"
        passed += what == "same"
        said = {"same": "", "worse": f"  FAILED: more than {TOLERANCE:.0%} above",
                "better": f"  FAILED: more than {TOLERANCE:.0%} below; ./dev baseline --update keeps the gain"}[what]
        lines.append(f"{workload:<24}{figure:>12.1f}{before:>12.1f}{figure / before - 1:>+9.2%}{said}")
    return lines, passed, failed, skipped


def load(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def update(path, build, counted):
    every = load(path)
    every[build] = {workload: round(figure, 1) for workload, figure in counted.items()}
    path.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def spread(program, workloads, times):
    """Counts so often; the lines that tell the smallest and the largest count of each workload."""
    every = [instructions.per_message(program, workloads) for _ in range(times)]
    lines = [f"{'instructions a message':<24}{'least':>12}{'most':>12}{'apart':>9}"]
    for workload in workloads:
        least, most = (pick(figures[workload] for figures in every) for pick in (min, max))
        lines.append(f"{workload:<24}{least:>12.1f}{most:>12.1f}{most / least - 1:>9.3%}")
    return lines


def main():
    parser = argparse.ArgumentParser(prog="./dev baseline", description="Instructions a message, of a fixed replay.")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--update", action="store_true", help="write the counts into benchmarks/baseline.json")
    parser.add_argument("--repeat", type=int, metavar="N", help="count N times and show the spread")
    options = parser.parse_args()
    program = Path(options.build).resolve() / "benchmarks" / "antiphon-replay"
    workloads = list(instructions.LENGTHS)
    if not program.is_file():
        sys.exit(f"no program {program}")
    program = str(program)
    right = wrong = 0
    for workload in workloads:
        try:
            instructions.check_answers(program, workload)
            right += 1
        except instructions.CountingFailed as failure:
            print(failure)
            wrong += 1
    if wrong:
        print(f"{right} passed, {wrong} failed")
        return 1
    if not instructions.callgrind():
        print("valgrind is not here (apt-get install valgrind): nothing is counted")
        print(f"{right} passed, 0 failed, {len(workloads)} skipped")
        return 0
    if options.repeat:
        print(*spread(program, workloads, options.repeat), sep="\n")
        return 0

    build = instructions.build_of(program)
    kept = load(KEPT).get(build)
    if kept is None and not options.update:
        print(f"benchmarks/baseline.json has nothing for '{build}'; `CXX=... ./dev baseline --update` adds it")
        print(f"{right} passed, 0 failed, {len(workloads)} skipped")
        return 0
    counted = instructions.per_message(program, workloads)
    print(build)
    lines, passed, failed, skipped = report(counted, kept or {})
    print(*lines, sep="\n")
    if options.update:
        update(KEPT, build, counted)
        print(f"written to {KEPT.relative_to(ROOT)}")
        return 0
    print(f"{right + passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
