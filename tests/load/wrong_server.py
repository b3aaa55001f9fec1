#!/usr/bin/env python3
"""A server that gives its parameters back, a line each, and does one thing wrong: wrong_server.py FAULT [AT].

The fault comes with line number AT (150), so after some right answers."""

import json
import os
import sys
import time


def answer(id_, result):
    return json.dumps({"jsonrpc": "2.0", "id": id_, "result": result}, separators=(",", ":")) + "\n"


def error(id_, message):
    return json.dumps({"jsonrpc": "2.0", "id": id_, "error": {"code": -32000, "message": message}}) + "\n"


def faulty(fault, id_, result, earlier):
    """What to write instead of the right answer; `earlier` is the result of the request before."""
    right = answer(id_, result)
    match fault:
        case "none":
            return right
        case "wrong-answer":
            return answer(id_, ["something else"])
        case "stale":
            return answer(id_, earlier)
        case "one-byte":  # the same length, and one letter is another
            return right.replace("quick", "quiet")
        case "swapped-id":  # an id that is in flight no more
            return answer(id_ - 100, result)
        case "duplicate":
            return right + right
        case "missing":
            return ""
        case "needless":
            return right + answer(None, result)
        case "error":
            return error(id_, "no more of this")
        case "garbage":
            return "Segmentation fault\n"
        case "half":
            sys.stdout.write(right[:20])
            sys.exit(0)
        case "early-exit":
            sys.exit(0)
        case "exit-code":
            sys.exit(3)
        case "silence":
            time.sleep(60)
        case "stall":
            time.sleep(0.4)
            return right
        case "ends-badly" | "stays" | "late-answer":  # after the end of the input
            return right
    sys.exit(f"no fault {fault}")


def main():
    fault = sys.argv[1]
    at = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    earlier = None
    for number, line in enumerate(sys.stdin, 1):
        request = json.loads(line)
        if isinstance(request, list):
            members = (answer(member["id"], member["params"]).strip() for member in request)
            sys.stdout.write(f"[{','.join(members)}]\n")
        elif "id" in request:
            id_, result = request["id"], request["params"]
            sys.stdout.write(faulty(fault, id_, result, earlier) if number == at else answer(id_, result))
            earlier = result
        sys.stdout.flush()
    if fault == "ends-badly":
        sys.exit(5)
    if fault == "stays":
        time.sleep(60)
    if fault == "late-answer":
        sys.stdout.write(answer(1, []))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # it was noticed
        os._exit(0)
