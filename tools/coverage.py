#!/usr/bin/env python3
"""What of the library's own lines the tests have run, by folder, and the lines that none has.

    coverage.py --build DIR    after the tests ran in a build with coverage; ./dev coverage does both

Exits with 1 where one of the library's folders stays below 95%.
"""

import argparse
import json
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from house import FOLDERS, ROOT

BAR = 0.95


def counted(build):
    """{path: {line: times}} of every line that is code."""
    done = subprocess.run(["gcovr", "--root", str(ROOT), "--object-directory", str(build), "--json", "-",
                           *(f"--filter={folder}/" for folder in FOLDERS), str(build)],
                          cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"coverage: gcovr failed: {done.stderr.strip()[-500:]}")
    return {one["file"]: {line["line_number"]: line["count"] for line in one["lines"]
                          if not line.get("gcovr/noncode", False)}
            for one in json.loads(done.stdout)["files"]}


def ranges(numbers):
    """[1, 2, 3, 7] as 1-3, 7."""
    parts = []
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in run]
        parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return ", ".join(parts)


def summary(name, lines):
    run = sum(count > 0 for count in lines)
    print(f"{name:<28} {run:>5} of {len(lines):>5} lines  {100 * run / max(len(lines), 1):.1f}%")
    return run >= BAR * len(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    files = counted(parser.parse_args().build.resolve())
    if not files:
        sys.exit("coverage: nothing was counted")
    print("not run by any test:")
    for path, lines in sorted(files.items()):
        missed = [number for number, count in sorted(lines.items()) if count == 0]
        if missed:
            print(f"  {path}: {ranges(missed)}")
    for folder in sorted({str(Path(path).parent) for path in files} - set(FOLDERS)):
        summary("  " + folder, [n for path, lines in files.items() if str(Path(path).parent) == folder
                                for n in lines.values()])
    reached = [summary(folder, [n for path, lines in files.items() if path.startswith(folder + "/") for n in lines.values()])
               for folder in FOLDERS]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
