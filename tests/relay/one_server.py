"""As much of a language server as it takes to see whether clients share it: a message a line."""

import json
import os
import sys

heard = {"initialize": 0, "initialized": 0}
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if "id" not in message:
        if method in heard:
            heard[method] += 1
        continue
    if method == "initialize":
        heard[method] += 1
        result = {"capabilities": {"asked": heard[method]}}
    elif method == "pid":
        result = os.getpid()
    else:
        result = [heard["initialize"], heard["initialized"]]
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
