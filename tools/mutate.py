#!/usr/bin/env python3
"""Changes the sources in one small way at a time and looks whether the tests notice.

    mutate.py --count N --seed S [--resume] [--retry] [PATH...]
    mutate.py --list [PATH...]
    mutate.py --self-test

A sample of N mutants is drawn by the seed from streaming/, transport/ and lib/, or from the files and folders
named. Each is built in a copy of the tree, and the quick test programs run until one fails.
Verdicts are written to build/mutate/results.json as they come: `--resume` goes on from there, `--retry` tries those
again that had survived. Mutants that can't be told from the original are argued in tools/mutation/equivalent.json.
"""

import argparse
import hashlib
import json
import sys
import time

from house import FOLDERS, ROOT
from mutation import self_test
from mutation.mutants import mutants_of
from mutation.workshop import Workshop

PLACE = ROOT / "build" / "mutate"
EQUIVALENT = ROOT / "tools" / "mutation" / "equivalent.json"
BAR = 0.9


def all_mutants(paths):
    files = set()
    for path in paths or FOLDERS:
        place = ROOT / path
        files |= {place} if place.is_file() else {*place.rglob("*.cpp"), *place.rglob("*.hpp")}
    return [mutant for file in sorted(files) for mutant in mutants_of(str(file.relative_to(ROOT)), file.read_text())]


def argued():
    """{(path, line, mutant): why} of those that no test can tell from the original."""
    entries = json.loads(EQUIVALENT.read_text())
    return {(one["file"], one["line"], one["mutant"]): one["why"] for one in entries}


def without_mutant(arguments):
    """Those arguments that are about no line, or no mutant of one, that there is any more."""
    there = {(mutant.path, mutant.before.strip(), mutant.after.strip()) for mutant in all_mutants([])}
    return [argument for argument in arguments if argument not in there]


def why_equivalent(mutant, arguments):
    return arguments.get((mutant.path, mutant.before.strip(), mutant.after.strip()))


def report(sample, results, arguments):
    """Prints the survivors and the totals; whether the bar is reached and no survivor is left without a reason."""
    verdicts = {}
    for mutant in sample:
        verdict = "argued" if why_equivalent(mutant, arguments) else results[mutant.name]["verdict"]
        verdicts.setdefault(verdict, []).append(mutant)
    count = {name: len(verdicts.get(name, [])) for name in ("killed", "survived", "argued")}
    for mutant in verdicts.get("survived", []):
        print(f"survived ({mutant.kind}) {mutant}")
    tried = sum(count.values())
    rate = count["killed"] / tried if tried else 0
    print(f"{tried} mutants: {count['killed']} killed ({100 * rate:.0f}%), {count['argued']} equivalent as argued, "
          f"{count['survived']} survived")
    return rate >= BAR and not count["survived"]


def save(path, results):
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(results, indent=1) + "\n")
    fresh.replace(path)


def place_of(mutant, seed):
    return hashlib.sha1(f"{seed} {mutant.name}".encode()).hexdigest()


def draw(options, results, arguments):
    """Tries mutants until there are as many verdicts as asked for; those that don't compile aren't counted."""
    # So the others stay in the sample when a line is changed.
    candidates = sorted(all_mutants(options.paths), key=lambda mutant: place_of(mutant, options.seed))
    workshop = Workshop(ROOT, PLACE)
    workshop.prepare()
    sample, place = [], PLACE / "results.json"
    for mutant in candidates:
        if len(sample) == options.count:
            break
        if why_equivalent(mutant, arguments):  # no need to try it
            sample.append(mutant)
            continue
        known = results.get(mutant.name)
        again = known and known["verdict"] == "survived" and options.retry
        if known is None or again:
            began = time.monotonic()
            verdict, how = workshop.judge(mutant)
            known = {"verdict": verdict, "how": how, "kind": mutant.kind, "mutant": str(mutant),
                     "seconds": round(time.monotonic() - began, 1)}
            results[mutant.name] = known
            save(place, results)
            print(f"{len(sample) + 1:>4} {verdict:<9} {mutant}{'  by ' + how if verdict == 'killed' else ''}", flush=True)
        if known["verdict"] != "unviable":
            sample.append(mutant)
    return sample


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30, metavar="N", help="how many mutants (30)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which of them (1)")
    parser.add_argument("--resume", action="store_true", help="keep the verdicts of the last run")
    parser.add_argument("--retry", action="store_true", help="as --resume, but try those again that survived")
    parser.add_argument("--list", action="store_true", help="print all there are and how many")
    parser.add_argument("--self-test", action="store_true",
                        help="which mutants a few lines have, and whether what is argued is still there")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files or folders")
    options = parser.parse_args()
    if options.self_test:
        return self_test.run(without_mutant(argued()))
    if options.list:
        mutants = all_mutants(options.paths)
        print(*mutants, f"{len(mutants)} mutants", sep="\n")
        return 0
    place = PLACE / "results.json"
    PLACE.mkdir(parents=True, exist_ok=True)
    keep = (options.resume or options.retry) and place.is_file()
    results = json.loads(place.read_text()) if keep else {}
    arguments = argued()
    return 0 if report(draw(options, results, arguments), results, arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
