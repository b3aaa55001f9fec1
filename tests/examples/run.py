#!/usr/bin/env python3
"""Runs each of the examples in examples/1_tutorial, 2_simple and 3_advanced, and looks at what it does.

    run.py --build BUILD [-k FILTER]
"""

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import advanced  # noqa: F401: it registers its cases, as the next does
import simple  # noqa: F401
from stage import CASES, Failure, Stage


def main():
    parser = argparse.ArgumentParser(description="Runs the examples.")
    parser.add_argument("--build", required=True, type=Path, help="where they were built")
    parser.add_argument("-k", dest="filter", default="", metavar="FILTER", help="only cases with this in their names")
    options = parser.parse_args()
    passed = failed = 0
    for case in CASES:
        name = case.__doc__
        if options.filter not in name:
            continue
        with tempfile.TemporaryDirectory(prefix="antiphon-examples-") as directory:
            stage = Stage(options.build.resolve(), directory)
            try:
                case(stage)
                passed += 1
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {error}")
                if not isinstance(error, Failure):
                    traceback.print_exc(file=sys.stdout)
            finally:
                stage.close()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
