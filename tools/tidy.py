#!/usr/bin/env python3
"""Runs clang-tidy 19 with the checks of .clang-tidy on the library's own sources and the headers they include.

    tidy.py --build DIR [FILE...]    FILEs instead of all of streaming/, transport/ and lib/
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import FOLDERS, ROOT

CLANG_TIDY = "clang-tidy-19"
FINDING = re.compile(r"^(.+?):(\d+):\d+: (?:warning|error): (.*)$", re.MULTILINE)


def tidy(build, source):
    """({(path, line, what)}, [other problems]) of one source file. What the compilers warn of is theirs to say."""
    done = subprocess.run([CLANG_TIDY, "--quiet", "-p", str(build), "--extra-arg=-Wno-everything", str(source)],
                          capture_output=True, text=True, cwd=ROOT)
    found = {(os.path.relpath(os.path.join(build, path), ROOT), int(line), what.replace(",-warnings-as-errors", ""))
             for path, line, what in FINDING.findall(done.stdout)}
    if done.returncode and not found:
        return found, [f"{source}: {CLANG_TIDY} exited with {done.returncode}: {done.stderr.strip()[-300:]}"]
    return found, []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="a build directory with compile_commands.json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    sources = options.files or sorted(path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.cpp"))
    found, problems = set(), []
    with ThreadPoolExecutor(options.jobs) as pool:
        for findings, others in pool.map(lambda source: tidy(options.build.resolve(), source), sources):
            for path, line, what in sorted(findings - found):
                print(f"{path}:{line}: {what}", flush=True)
            found |= findings
            problems += others
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"tidy: {len(sources)} source files, {len(found)} findings")
    return 1 if found or problems else 0


if __name__ == "__main__":
    sys.exit(main())
