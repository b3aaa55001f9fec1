"""R9: the public JSON test suite, each of its files inside a request."""

import json
import os

from connection import brief, check, same
from harness import Skip, case


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITE = os.environ.get("ANTIPHON_JSON_TEST_SUITE", os.path.join(ROOT, "..", "shared", "json-test-suite"))


# R9: the JSON test suite, each file spliced raw into a request


def suite(prefix):
    if not os.path.isdir(SUITE):
        raise Skip("the JSON test suite is not at ../shared/json-test-suite")
    files = {}
    for name in sorted(os.listdir(SUITE)):
        if name.startswith(prefix):
            with open(os.path.join(SUITE, name), "rb") as file:
                files[name] = file.read()
    check(files, f"no {prefix} files in {SUITE}")
    return files


def spliced(data, id):
    return b'{"jsonrpc":"2.0","id":%d,"method":"echo","params":{"v":%s}}' % (id, data)


def over_suite(t, prefix, judge):
    """Sends each file inside a request and lets `judge` say what is wrong with the answer."""
    connection = t.connect()
    faults = []
    for id, (name, data) in enumerate(suite(prefix).items(), 1):
        if not t.headers and b"\n" in data:
            continue
        connection.send(spliced(data, id))
        answer = connection.receive()
        fault = judge(data, id, answer)
        if fault:
            faults.append(f"{name}: {brief(data)} {fault}: {brief(answer)}")
        connection.expect_alive(f"one answer to {name}")
    check(not faults, f"{len(faults)} files:\n" + "\n".join(faults))


@case("R9: each valid file of the JSON test suite comes back equal", seconds=60)
def _(t):
    def judge(data, id, answer):
        if "result" not in answer or not same(answer["id"], id):
            return "was refused"
        return None if same(answer["result"], {"v": json.loads(data)}) else "came back changed"

    over_suite(t, "y_", judge)


@case("R9: each invalid file of the JSON test suite is -32700 with id null, the connection kept", seconds=60)
def _(t):
    def judge(_data, _id, answer):
        error = answer.get("error", {})
        return None if error.get("code") == -32700 and answer["id"] is None else "was not -32700 with id null"

    over_suite(t, "n_", judge)


@case(
    "R9: each undecided file of the JSON test suite gives valid output and keeps the connection", seconds=60
)
def _(t):
    def judge(_data, id, answer):
        if "result" in answer:
            return None if same(answer["id"], id) else "got another id"
        return None if answer["error"]["code"] in (-32700, -32600, -32602) else "got an odd code"

    over_suite(t, "i_", judge)
