"""Runs test programs that may hang, crash or attack what is around them."""

import os
import pty
import re
import resource
import select
import subprocess
import sys
import time

# How much longer than the whole tree a mutant may take, and be silent, before it hangs.
SLOWER, SECONDS_MORE = 4, 10
LONGEST = 900
MOST_MEMORY = 6 << 30
# A mutant may send a signal to the wrong process: in a process namespace of its own it finds none of ours, and
# nothing that it starts outlives it.
OWN_PROCESSES = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
# The first process there has no default signals and inherits orphans: that is no part for a test program.
FIRST_PROCESS = ["sh", "-c", '"$@"; exit $?', "sh"]
# "0.123456 s: the name of a case"
DURATION = re.compile(r"^(\d+\.\d+) s: (.*?)\r?$", re.MULTILINE)
SLOW_CASE = 1.0  # seconds


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def own_processes():
    rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    own = [*OWN_PROCESSES, *rootless, *FIRST_PROCESS]
    if subprocess.run([*own, "true"], capture_output=True).returncode != 0:
        sys.exit("mutate: no process namespaces here (unshare --pid); mutants would not be held in")
    return own


class Run:
    """One run: `problem`, None when all of it passed; `seconds`, and `silence`, the longest time without a line."""

    def __init__(self, command, where, log, seconds=LONGEST, silence=LONGEST):
        self.problem, self.silence = None, 0.0
        began = last = time.monotonic()
        # A terminal, so that each line comes when it is written.
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, cwd=where, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                   start_new_session=True, preexec_fn=limit)
        os.close(theirs)
        output = bytearray()
        try:
            while True:
                now = time.monotonic()
                left = min(began + seconds, last + silence) - now
                if left <= 0 or not select.select([ours], [], [], left)[0]:
                    self.problem = "hangs"
                    break
                try:
                    output += os.read(ours, 1 << 16)
                except OSError:  # the other end is closed
                    break
                self.silence = max(self.silence, time.monotonic() - last)
                last = time.monotonic()
        finally:
            if self.problem:
                process.kill()  # and with it, by --kill-child, all that it started
            code = process.wait()
            os.close(ours)
        self.seconds = time.monotonic() - began
        self.output = output.decode(errors="replace")
        log.write_text(self.output)
        if self.problem is None and code != 0:
            self.problem = f"ended with {code}"

    def last_case(self):
        """The first that fails is the last one."""
        return ([line.strip() for line in self.output.splitlines() if line.startswith("TEST CASE:")] or [""])[-1]

    def slow_cases(self):
        return [name for seconds, name in DURATION.findall(self.output) if float(seconds) >= SLOW_CASE]


def doctest_passes(program, measured):
    """(how long it may be silent, the command) of what runs all cases of a program, those that are quick first."""
    command = [program, "--abort-after=1", "--no-colors", "--duration=true"]
    if not measured["slow"]:
        return [(measured["silence"], command)]
    # A comma would separate two names.
    names = ",".join(name.replace(",", "?") for name in measured["slow"])
    return [(SLOW_CASE, [*command, f"--test-case-exclude={names}"]),
            (measured["silence"], [*command, f"--test-case={names}"])]
