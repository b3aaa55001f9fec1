#!/usr/bin/env python3
"""Uses antiphon as those do who build on it: installed, through pkg-config, CMake and Meson, and as a subproject.

    run.py --build BUILD [--all] [-k FILTER]

A consumer lies in a temporary directory, beside what `meson install` has put into a folder of its own, or a copy
of the files that git knows; of the tree itself nothing may be read. Without --all only BUILD's library is used,
as it was built; with it (`./dev consumers`) the library is built in each way that it can be, which takes long.
"""

import argparse
import importlib
import os
import sys
import tempfile
import traceback
from multiprocessing.pool import ThreadPool
from pathlib import Path

from cases import CASES, Failure, Missing
from yard import Yard

# Each registers its cases.
for theme in ("installed", "with_pkg_config", "with_cmake", "with_meson", "headers", "boundary", "as_subproject",
              "wraps", "cost"):
    importlib.import_module(theme)


def run(one, yard):
    try:
        one.function(yard, *one.row)
    except Missing as what:
        return one.name, "skipped", str(what)
    except Failure as problem:
        return one.name, "failed", str(problem)
    except Exception:  # one that got out would end the loop over the others
        return one.name, "failed", traceback.format_exc()
    return one.name, "passed", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--all", action="store_true", help="build the library in each way")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    options = parser.parse_args()
    selected = [one for one in CASES if options.filter in one.name and (options.all or not one.slow)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="antiphon-consumer-") as folder, ThreadPool(os.cpu_count()) as several:
        yard = Yard(Path(options.build).resolve(), Path(folder))
        together = several.imap_unordered(lambda one: run(one, yard), [one for one in selected if not one.alone])
        for outcomes in (together, (run(one, yard) for one in selected if one.alone)):
            for name, outcome, problem in outcomes:
                counts[outcome] += 1
                if outcome != "passed" or options.all:
                    print(f"{ {'failed': 'FAILED', 'skipped': 'SKIP', 'passed': 'ok'}[outcome]} {name}", flush=True)
                if problem:
                    print(f"  {problem}", flush=True)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
