#!/usr/bin/env python3
"""Compares two profiles: the differences, a verdict, and a page with a flame graph of each.

    compare.py A B    directories that ./dev profile wrote, or their names in profiles/; A is the older one

The exit code is 1 when B is worse, 2 when the two can't be compared, else 0. verdict.py says what is worse.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import differences
from page import page
from verdict import FIGURES, Unusable, judge

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = Path(__file__).with_name("thresholds.json")


def load(name):
    directory = next((place for place in (Path(name), ROOT / "profiles" / name) if (place / "profile.json").is_file()),
                     None)
    if directory is None:
        raise Unusable(f"no profile {name}")
    return directory, json.loads((directory / "profile.json").read_text(encoding="utf-8"))


def thresholds_of(file):
    try:
        thresholds = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise Unusable(f"thresholds {file}: {problem}") from problem
    unknown = [name for name in thresholds if name not in FIGURES]
    if unknown:
        raise Unusable(f"thresholds {file}: no figure is named {', '.join(unknown)}")
    return thresholds


def print_rows(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if at in (0, len(row) - 1) else cell.rjust(width)
                        for at, (cell, width) in enumerate(zip(row, widths))).rstrip())


def compare(names, thresholds_file):
    one, other = (load(name) for name in names)
    judged, verdict = judge(one[1], other[1], thresholds_of(thresholds_file))
    print_rows([["", "A", "B", "change", "verdict"], *differences.of_figures(judged)])
    for name, before, after in differences.of_facts(one[1], other[1]):
        print(f"differs: {name}: {before} | {after}")
    target = other[0] / f"compared-with-{one[0].resolve().name}.html"
    target.write_text(page(one, other, judged, verdict), encoding="utf-8")
    print(f"page: {os.path.relpath(target)}\nverdict: {verdict}")
    return 1 if verdict == "worse" else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev profile-compare", description="Compares two profiles.")
    parser.add_argument("profiles", nargs=2, metavar="PROFILE", help="a directory, or its name in profiles/")
    parser.add_argument("--thresholds", default=THRESHOLDS, help="another file than tools/profile/thresholds.json")
    options = parser.parse_args()
    try:
        return compare(options.profiles, options.thresholds)
    except Unusable as reason:
        print(f"profile-compare: {reason}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
