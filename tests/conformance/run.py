#!/usr/bin/env python3
"""The black-box conformance suite: drives the program antiphon-conformance over every transport and framing.

    run.py --server PATH [--asan-server PATH] [-k FILTER] [-v] [--jobs N]

Each case is named after what it shows, with its number in the requirements. Cases mostly wait, so they run in
several processes at once; those that measure time run alone, at the end. The last line counts the cases.
"""

import argparse
import importlib
import multiprocessing
import os
import sys
import time

import harness
HERE = os.path.dirname(os.path.abspath(__file__))
JOBS = []


def run_job(index):
    return harness.run_case(*JOBS[index])


def report(outcome, verbose):
    if outcome.status == "failed":
        print(f"FAILED  {outcome.name} ({outcome.seconds:.1f} s)")
        print("  " + outcome.reason.strip().replace("\n", "\n  "), flush=True)
    elif outcome.status == "skipped":
        print(f"skipped {outcome.name}: {outcome.reason}", flush=True)
    elif verbose:
        print(f"passed  {outcome.name} ({outcome.seconds:.1f} s)", flush=True)
    for note in outcome.notes:
        print(f"  note  {outcome.name}: {note}", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", help="the plain build of antiphon-conformance")
    parser.add_argument("--asan-server", help="a sanitizer's build of it; its cases get more time")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    parser.add_argument("-v", dest="verbose", action="store_true", help="name the cases that pass as well")
    parser.add_argument("--jobs", type=int, default=12, help="processes at once (12: cases mostly wait)")
    arguments = parser.parse_args()
    scale = float(os.environ.get("ANTIPHON_TIME_SCALE", "1"))
    builds = []
    if arguments.server:
        builds.append((arguments.server, False, scale))
    if arguments.asan_server:
        builds.append((arguments.asan_server, True, 4 * scale))
    if not builds:
        parser.error("--server or --asan-server is needed")
    for program, _, _ in builds:
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is no program")

    for name in sorted(os.listdir(HERE)):
        if name.startswith("test_") and name.endswith(".py"):
            importlib.import_module(name[:-3])  # a theme registers its cases
    wanted = arguments.filter.lower()
    selected = [case for case in harness.CASES if wanted in case.name.lower()]
    for program, asan, build_scale in builds:
        JOBS.extend((case, os.path.abspath(program), asan, build_scale) for case in selected)
    together = [index for index, job in enumerate(JOBS) if not job[0].serial]
    # Long ones first, so that none of them is left alone at the end.
    together.sort(key=lambda index: -JOBS[index][0].seconds)
    alone = [index for index, job in enumerate(JOBS) if job[0].serial]

    started = time.monotonic()
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        for outcome in pool.imap_unordered(run_job, together):
            count[outcome.status] += 1
            report(outcome, arguments.verbose)
    for index in alone:
        outcome = run_job(index)
        count[outcome.status] += 1
        report(outcome, arguments.verbose)
    print(f"{sum(count.values())} cases in {time.monotonic() - started:.1f} s")
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
