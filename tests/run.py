#!/usr/bin/env python3
"""Runs every test suite and adds up the test cases that truly ran.

The last line of the output is `N passed, N failed`, with `, N skipped` if any. A suite that crashes,
runs over its time or runs no case counts as a failure.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections import namedtuple
from itertools import chain
from multiprocessing.pool import ThreadPool
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A `doctest` suite is one program. A `lines` suite ends its own output with a line as this file does.
# A `check` suite is one case, passed when the command exits with 0.
# Suites that are one process run as many at once as there are processors; those of kind `lines`, which start
# processes of their own and time them, run alone, after the others.
Suite = namedtuple("Suite", "name kind seconds command")

PROGRAMS = {
    "conformance": "{build}/tests/conformance/antiphon-conformance",
    "language_server": "{build}/examples/json_language_server/antiphon-json-language-server",
}

SUITES = [
    Suite("layers-self-test", "lines", 30, ["python3", "tools/check_layers.py", "--self-test"]),
    Suite("layers", "check", 30, ["python3", "tools/check_layers.py"]),
    Suite("snippets-self-test", "lines", 30, ["python3", "tools/check_snippets.py", "--self-test"]),
    Suite("snippets", "check", 30, ["python3", "tools/check_snippets.py"]),
    Suite("links-self-test", "lines", 30, ["python3", "tools/docs/links.py", "--self-test"]),
    Suite("plots-self-test", "lines", 30, ["python3", "tools/docs/plots.py", "--self-test"]),
    Suite("plots", "check", 30, ["python3", "tools/docs/plots.py", "--check"]),
    Suite("passes", "check", 30, ["python3", "tools/docs/passes.py", "--check"]),
    Suite("mutants-self-test", "lines", 30, ["python3", "tools/mutate.py", "--self-test"]),
    Suite("unit-streaming", "doctest", 300, ["{build}/tests/unit/streaming/antiphon-unit-streaming"]),
    Suite("unit-transport", "doctest", 300, ["{build}/tests/unit/transport/antiphon-unit-transport"]),
    Suite("unit-lib", "doctest", 300, ["{build}/tests/unit/lib/antiphon-unit-lib"]),
    Suite("unit-testing", "doctest", 300, ["{build}/tests/unit/testing/antiphon-unit-testing"]),
    Suite("unit-relay", "doctest", 300, ["{build}/tests/unit/relay/antiphon-unit-relay"]),
    Suite("unit-json-ls", "doctest", 300, ["{build}/tests/unit/json_language_server/antiphon-unit-json-ls"]),
    Suite("unit-load", "doctest", 60, ["{build}/tests/unit/load/antiphon-unit-load"]),
    Suite("unit-stream-processor", "doctest", 60,
          ["{build}/tests/unit/stream_processor/antiphon-unit-stream-processor"]),
    Suite("unit-allocations", "doctest", 300, ["{build}/tests/unit/allocations/antiphon-unit-allocations"]),
    Suite("unit-allocation-failures", "doctest", 300,
          ["{build}/tests/unit/allocation_failures/antiphon-unit-allocation-failures"]),
    Suite("instructions", "lines", 300, ["python3", "tools/profile/baseline.py", "--build", "{build}"]),
    Suite("profile-tools", "lines", 60, ["python3", "tests/profile/run.py"]),
    Suite("gdb", "lines", 120, ["python3", "tests/gdb/run.py", "--program", "{build}/tests/gdb/antiphon-printed"]),
    Suite("fuzz-replay", "lines", 300, ["python3", "tests/fuzz/run.py", "--build", "{build}", "--replay"]),
    Suite("integration", "doctest", 600, ["{build}/tests/integration/antiphon-integration"]),
    Suite("conformance", "lines", 900, ["python3", "tests/conformance/run.py", "{server_option}", "{conformance}"]),
    Suite("faults", "lines", 300, ["python3", "tests/faults/run.py", "--build", "{build}", "--server", "{conformance}"]),
    Suite("load", "lines", 300, ["python3", "tests/load/run.py", "--build", "{build}", "--server", "{conformance}"]),
    Suite("relay", "lines", 300, ["python3", "tests/relay/run.py", "--build", "{build}"]),
    Suite("consumer", "lines", 600, ["python3", "tests/consumer/run.py", "--build", "{build}"]),
    Suite("soak-self-test", "lines", 30, ["python3", "tests/soak/run.py", "--self-test"]),
    Suite("active-messages", "lines", 120, ["python3", "tests/active_messages/run.py", "--program",
                                            "{build}/examples/active_messages/antiphon-active-messages"]),
    Suite("examples", "lines", 300, ["python3", "tests/examples/run.py", "--build", "{build}"]),
    Suite("stream-processor", "lines", 300, ["python3", "tests/stream_processor/run.py", "--processor",
                                             "{build}/examples/stream_processor/antiphon-stream-processor"]),
    Suite("interop-node", "lines", 600, ["node", "tests/interop/run.mjs", "--server", "{conformance}"]),
    Suite("interop-neovim", "lines", 300, ["python3", "tests/interop/run_neovim.py", "--server", "{language_server}"]),
]

TOTALS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")
DOCTEST_TOTALS = re.compile(
    r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped"
)
SHOWN_LINES = 80
SANITIZED_SLOWNESS = 3


class Outcome:
    """What one suite did: its counts, and why it failed if the counts do not say so."""

    def __init__(self, passed=0, failed=0, skipped=0, reason=""):
        self.passed, self.failed, self.skipped, self.reason = passed, failed, skipped, reason


def counts(kind, output, exit_code):
    """The (passed, failed, skipped) that a finished suite reports, or None."""
    if kind == "check":
        return (0, 1, 0) if exit_code else (1, 0, 0)
    if kind == "doctest":
        found = DOCTEST_TOTALS.findall(output)
        return tuple(map(int, found[-1])) if found else None
    found = [match for match in map(TOTALS.fullmatch, output.splitlines()) if match]
    return tuple(int(n or 0) for n in found[-1].groups()) if found else None


def judge(kind, output, exit_code):
    """Turns a finished suite's output and exit code into an Outcome that no crash can pass for a success."""
    numbers = counts(kind, output, exit_code)
    died = f"died of {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    if numbers is None:
        return Outcome(failed=1, reason=f"reported no totals ({died})")
    outcome = Outcome(*numbers)
    if exit_code and not outcome.failed:
        outcome.failed += 1
        outcome.reason = f"{died} although no case failed"
    elif not outcome.passed and not outcome.failed:
        outcome.failed += 1
        outcome.reason = "ran no case"
    return outcome


def end_group(process):
    """Ends a suite and whatever it left running; the group is ours, since it began with the suite."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(suite, command, seconds, log):
    """Runs one suite in a process group of its own, with its output in the file `log`."""
    with open(log, "wb") as sink:
        try:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return Outcome(failed=1, reason=f"could not start: {error}")
        try:
            exit_code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Outcome(failed=1, reason=f"still running after {seconds} s")
        finally:
            end_group(process)
            process.wait()
    return judge(suite.kind, log.read_text(errors="replace"), exit_code)


def chosen_suites(names):
    known = {suite.name for suite in SUITES}
    wanted = [name for group in names for name in group.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"run.py: no suite {', '.join(unknown)}; there are {', '.join(s.name for s in SUITES)}")
    return [suite for suite in SUITES if not wanted or suite.name in wanted]


def show(suite, log, outcome, seconds):
    skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
    print(f"{suite.name:<22} {outcome.passed:>5} passed, {outcome.failed} failed{skipped}  "
          f"({seconds:.1f} s) {outcome.reason}", flush=True)
    if outcome.failed:
        lines = log.read_text(errors="replace").splitlines()
        print(*(f"    {line}" for line in lines[-SHOWN_LINES:]), sep="\n")
        print(f"    all of it: {log}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Runs the test suites of antiphon.")
    parser.add_argument("--build", default="build", help="the build directory (build)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME[,NAME]", help="only these suites")
    parser.add_argument("--sanitized", action="store_true", help="the build is a sanitizer's, and slow")
    parser.add_argument("--list", action="store_true", help="print the names of the suites")
    options = parser.parse_args()
    if options.list:
        print(*(suite.name for suite in SUITES), sep="\n")
        return 0

    build = Path(options.build).resolve()
    logs = build / "test-logs"
    logs.mkdir(parents=True, exist_ok=True)
    places = {name: path.format(build=build) for name, path in PROGRAMS.items()}
    places.update(build=build, server_option="--asan-server" if options.sanitized else "--server")

    def timed(suite):
        command = [part.format(**places) for part in suite.command]
        seconds = suite.seconds * (SANITIZED_SLOWNESS if options.sanitized else 1)
        log = logs / f"{suite.name}.log"
        began = time.monotonic()
        return suite, log, run(suite, command, seconds, log), time.monotonic() - began

    total = Outcome()
    suites = chosen_suites(options.only)
    with ThreadPool(os.cpu_count()) as several:
        finished = several.imap(timed, [suite for suite in suites if suite.kind != "lines"])
        for suite, log, outcome, took in chain(finished, map(timed, [s for s in suites if s.kind == "lines"])):
            show(suite, log, outcome, took)
            total.passed += outcome.passed
            total.failed += outcome.failed
            total.skipped += outcome.skipped

    print(f"{total.passed} passed, {total.failed} failed" + (f", {total.skipped} skipped" if total.skipped else ""))
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
