#!/usr/bin/env python3
"""Shows values of antiphon's types in a real gdb, with tools/gdb/antiphon_printers.py.

    run.py --program PATH
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

PRINTERS = Path(__file__).resolve().parents[2] / "tools" / "gdb" / "antiphon_printers.py"
LONG = '"' + "l" * 199 + "..."

# What is printed in `show()` of printed.cpp, and what gdb has to say.
EXPECTED = {
    "number": "7",
    "text": '"a request\'s \\u0069d that lies on the heap"',
    "null": "null",
    "filled": '9 of 64 bytes filled, held by 3: [1,"two"]',
    "moved_to": "no memory",
    "fresh": "0 of 16 bytes filled, held by 1",
    "part": '5 bytes, pins a block of 64: "two"',
    "loose": "1 byte, not pinned: [",
    "value": '[1,"two"]',
    "request": 'request 7 "initialize" = {params = "[1,2]"}',
    "notification": 'notification "exit"',
    "failure": 'error response "x" = {error = "{\\"code\\":1,\\"message\\":\\"m\\"}"}',
    "invalid": 'invalid = {problem = "The message is not an object."}',
    "longer": LONG,
}


def printed(program):
    """{expression: what gdb says}, and all that it said."""
    commands = ["set confirm off", f"source {PRINTERS}", "break look", "run", "up"]
    for name in EXPECTED:
        commands += [f"echo \\n@{name}=", f"output {name}"]
    command = ["gdb", "-nx", "-batch"]
    for line in commands:
        command += ["-ex", line]
    ran = subprocess.run([*command, program], capture_output=True, text=True, timeout=120, check=False)
    found = dict(re.findall(r"^@(\w+)=(.*)$", ran.stdout, re.MULTILINE))
    return found, ran.stdout + ran.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, metavar="PATH", help="antiphon-printed")
    found, said = printed(parser.parse_args().program)
    failed = 0
    for name, wanted in EXPECTED.items():
        seen = found.get(name)
        if seen != wanted:
            failed += 1
            print(f"FAILED {name}: {seen!r} instead of {wanted!r}")
    if failed:
        print(said)
    print(f"{len(EXPECTED) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
