#!/usr/bin/env python3
"""Runs the example active_messages: what each way of delivery tells its sender, and what comes of it.

    run.py --program PROGRAM
"""

import argparse
import subprocess
import sys

EXPECTED = """\
fire and forget: sent
confirmed: accepted
with response: answered
  anna has made 9
  the receipt is here
with receipt and response: answered
against the contract: refused (/count: expected one at least)
  the receipt is here
accepted and failed: failed (nobody has any)
  the receipt is here
too slow: lost (the call timed out)
the other worker: answered
event: anna has made 3
event: anna has made 6
event: anna has made 9
event: anna has made 12
event: ben has made 1
worker anna serves: make sleep
  it is ok and had 3 errors
"""


def main():
    parser = argparse.ArgumentParser(description="Runs the example active_messages.")
    parser.add_argument("--program", required=True, help="the program antiphon-active-messages")
    program = parser.parse_args().program
    failed = 0

    done = subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, text=True)
    if done.returncode != 0 or done.stdout != EXPECTED:
        failed += 1
        print(f"exit code {done.returncode}, output:\n{done.stdout}{done.stderr}\nexpected:\n{EXPECTED}")

    wrong = subprocess.run([program, "--what"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if wrong.returncode != 2 or wrong.stdout or not wrong.stderr:
        failed += 1
        print(f"a wrong argument: exit code {wrong.returncode}, {wrong.stdout}, {wrong.stderr}")

    worker = subprocess.run([program, "--worker", "x"], input=b"", capture_output=True, timeout=60, check=False)
    if worker.returncode != 0 or worker.stdout:
        failed += 1
        print(f"a worker without input: exit code {worker.returncode}, {worker.stdout}, {worker.stderr}")

    print(f"{3 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
