"""Counts words: a JSON-RPC server on Python's standard library, one message a line."""

import json
import sys
from collections import Counter

METHODS = {
    "count": lambda text: Counter(text.split()),
    "longest": lambda text: max(text.split(), key=len, default=""),
}


def answer(request):
    method = METHODS.get(request["method"])
    if method is None:
        return {"error": {"code": -32601, "message": "method not found"}}
    try:
        return {"result": method(request["params"]["text"])}
    except (KeyError, TypeError, AttributeError):
        return {"error": {"code": -32602, "message": "expected a text"}}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:  # notifications are for nobody here
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer(message)}), flush=True)
