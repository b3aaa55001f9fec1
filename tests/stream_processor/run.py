#!/usr/bin/env python3
"""Drives the example stream processor through pipes, as a whole program.

    run.py --processor PROGRAM

Each function `test_...` is one case. With valgrind on the path, one of them counts what is left at the end. The
last line counts the cases.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[2] / "examples/stream_processor/sample.json"
PROGRAM = ""
SCRIPTS = False
LIMIT_S = 60


class Skipped(Exception):
    """Why a case can't run here."""


def publish(topic, payload):
    return {"jsonrpc": "2.0", "method": "publish", "params": {"topic": topic, "payload": payload}}


def ask(number, method, params=None):
    request = {"jsonrpc": "2.0", "id": number, "method": method}
    return request if params is None else {**request, "params": params}


def lines(messages):
    return "".join(json.dumps(message) + "\n" for message in messages).encode()


def finished(messages, configuration=SAMPLE, options=(), wrapper=()):
    """What a program that is given all messages, then the end of input, has written: results and answers."""
    command = [*wrapper, PROGRAM, "--config", str(configuration), *options]
    done = subprocess.run(command, input=lines(messages), capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr.decode()}"
    results, answers = [], {}
    for line in done.stdout.splitlines():
        said = json.loads(line)
        for message in said if isinstance(said, list) else [said]:
            if "method" in message:
                assert message["method"] == "publish"
                results.append((message["params"]["topic"], message["params"]["payload"]))
            else:
                answers[message["id"]] = message
    return results, answers


def with_configuration(configuration, messages, **more):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(configuration, file)
        file.flush()
        return finished(messages, file.name, **more)


def test_messages_become_results_in_their_order():
    count = 5000
    messages = [publish(f"sensors/d{i}/temperature", {"celsius": i % 80, "site": "s"}) for i in range(count)]
    results, _ = finished(messages)
    assert [topic for topic, _ in results] == [f"converted/d{i}/s" for i in range(count)]
    assert results[100][1] == {"device": "d100", "degrees": 68, "unit": "F", "label": "s: 20 C"}


def test_counters_tell_what_became_of_each_message():
    messages = [
        publish("sensors/a/temperature", {"celsius": 20, "site": "x"}),
        publish("sensors/a/temperature", {"site": "x"}),
        publish("nobody/wants/this", 1),
        {"jsonrpc": "2.0", "method": "publish", "params": {"topic": 5, "payload": 1}},
        publish("logs/a/b", [1]),
        ask(1, "counters"),
    ]
    results, answers = finished(messages)
    assert results == [
        ("converted/a/x", {"degrees": 68, "device": "a", "label": "x: 20 C", "unit": "F"}),
        ("archive/a/b", [1]),
    ]
    counted = answers[1]["result"]
    wanted = {"received": 5, "processed": 2, "errored": 2, "dropped": 1, "results": 2}
    assert {name: counted[name] for name in wanted} == wanted, counted
    assert counted["last_error"] == "too hot: column 1: the payload has no such value", counted
    assert 0 < counted["p50_ns"] <= counted["p95_ns"] <= counted["max_ns"]


def test_batches_and_positions_are_messages_like_others():
    batch = [
        publish("logs/a", 1),
        {"jsonrpc": "2.0", "method": "publish", "params": ["logs/b", 2]},
        ask(7, "counters"),
    ]
    results, answers = finished([batch])
    assert results == [("archive/a", 1), ("archive/b", 2)]
    assert answers[7]["result"]["processed"] == 2


def test_variables_are_those_of_the_message_before():
    hot = [publish(f"sensors/d{i}/temperature", {"celsius": 99, "site": "x"}) for i in range(3)]
    results, answers = finished([*hot, ask(1, "variables")])
    alerts = [payload for topic, payload in results if topic.startswith("alerts/")]
    assert [(one["number"], one["before"]) for one in alerts] == [(1, None), (2, "d0"), (3, "d1")]
    assert answers[1]["result"] == {"alerts": 3, "last": "d2"}


def test_a_configuration_may_be_replaced_while_messages_come():
    replacement = {"mappings": [{"from": "logs/{x}", "to": "new/{x}", "value": "'seen'"}]}
    wrong = {"mappings": [{"from": "logs/{x}", "to": "new/{y}"}]}
    results, answers = finished(
        [
            publish("logs/a", 1),
            ask(1, "configure", replacement),
            publish("logs/a", 1),
            ask(2, "configure", wrong),
            publish("logs/b", 1),
        ]
    )
    assert results == [("archive/a", 1), ("new/a", "seen"), ("new/b", "seen")]
    assert answers[1]["result"] is None
    assert answers[2]["error"]["code"] == -32602
    assert answers[2]["error"]["message"] == "/mappings/0/to: column 6: unknown name 'y'", answers[2]


def test_a_reader_that_is_slow_loses_nothing():
    """Nothing is read until everything is written, so both pipes and the program's own bounds fill up."""
    count, payload = 3000, "x" * 4000
    process = subprocess.Popen(
        [PROGRAM, "--config", str(SAMPLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    text = lines(publish(f"logs/{i}", payload) for i in range(count))
    written = threading.Event()

    def write():
        process.stdin.write(text)
        process.stdin.close()
        written.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        # More than all buffers hold: it can't be written before somebody reads.
        assert not written.wait(1.0), "12 MB fitted into the buffers"
        results = []
        for line in process.stdout:
            results += [message["params"]["topic"] for message in json.loads(line)]
        assert results == [f"archive/{i}" for i in range(count)]
        assert process.wait(timeout=LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
        writer.join(LIMIT_S)


def test_no_batch_of_results_is_longer_than_peers_take():
    """Many small results wait while nothing is read, far more than the default of `limits::batch_members`."""
    count, most = 100_000, 10_000
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"mappings": [{"from": "{x}", "to": "t", "value": "1"}]}, file)
        file.flush()
        process = subprocess.Popen(
            [PROGRAM, "--config", file.name, "--when-full", "drop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            # It reads all of this although nobody reads its results.
            process.stdin.write(lines([publish("s", 1)]) * count)
            process.stdin.close()
            sizes = [len(json.loads(line)) for line in process.stdout]
            assert process.wait(timeout=LIMIT_S) == 0
            assert most / 10 < max(sizes) <= most, f"the longest batch has {max(sizes)}"
        finally:
            process.kill()
            process.wait()


def test_results_may_be_dropped_instead_and_are_counted():
    count, payload = 3000, "x" * 4000
    process = subprocess.Popen(
        [PROGRAM, "--config", str(SAMPLE), "--when-full", "drop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        # It reads all of this although nobody reads its results.
        process.stdin.write(lines(publish(f"logs/{i}", payload) for i in range(count)))
        process.stdin.write(lines([ask(1, "counters")]))
        process.stdin.close()
        seen, counted = 0, None
        for line in process.stdout:
            said = json.loads(line)
            if isinstance(said, list):
                seen += len(said)
            else:
                counted = said["result"]
        assert process.wait(timeout=LIMIT_S) == 0
        assert counted["dropped"] > 0 and counted["results"] == seen, counted
        assert counted["processed"] + counted["dropped"] == counted["received"] == count, counted
    finally:
        process.kill()
        process.wait()


def test_a_mistake_in_the_configuration_is_told_and_exits_with_2():
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"mappings":[{"from":"a","to":"b","when":"1 +"}]}')
        file.flush()
        done = subprocess.run(
            [PROGRAM, "--config", file.name], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False
        )
    assert done.returncode == 2 and not done.stdout
    assert b"/mappings/0/when: column 4: expected a value, found the end" in done.stderr, done.stderr
    for arguments in ([], ["--config"], ["--config", "/nonexistent/x"], ["--what", "is"], ["--framing", "none"]):
        done = subprocess.run(
            [PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 2 and done.stderr and not done.stdout, arguments


def test_scripts_make_results():
    if not SCRIPTS:
        raise Skipped("built without Duktape")
    body = "if (payload.v > 1) return {who: captures.who, twice: payload.v * 2, n: vars.n};"
    configuration = {"variables": {"n": 5}, "mappings": [{"from": "s/{who}", "to": "t/{who}", "script": body}]}
    messages = [publish("s/a", {"v": v}) for v in (1, 2, 3)] + [publish("s/a", None), ask(1, "counters")]
    results, answers = with_configuration(configuration, messages)
    assert results == [("t/a", {"who": "a", "twice": 2 * v, "n": 5}) for v in (2, 3)]
    counted = answers[1]["result"]
    assert (counted["processed"], counted["errored"], counted["script_contexts"]) == (3, 1, 1), counted
    assert "TypeError" in counted["last_error"]


def test_nothing_leaks():
    if not shutil.which("valgrind"):
        raise Skipped("valgrind is not here")
    if os.environ.get("ANTIPHON_SANITIZED"):
        raise Skipped("the sanitizer looks for leaks itself")
    messages = [publish(f"sensors/d{i}/temperature", {"celsius": i, "site": "x"}) for i in range(200)]
    messages += [publish("sensors/d/temperature", {}), publish("none", 1)]
    messages += [ask(1, "configure", json.loads(SAMPLE.read_text())), ask(2, "counters")]
    wrapper = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
               "--errors-for-leak-kinds=definite,indirect,possible", "--error-exitcode=9"]
    os.environ["ANTIPHON_SCANNER"] = "sse2"  # valgrind knows no AVX-512
    try:
        results, answers = finished(messages, wrapper=wrapper)
    finally:
        del os.environ["ANTIPHON_SCANNER"]
    assert len(results) == 200 + 119 and answers[2]["result"]["errored"] == 1


def main():
    global PROGRAM, SCRIPTS
    parser = argparse.ArgumentParser(description="Drives the example stream processor through pipes.")
    parser.add_argument("--processor", required=True, help="the program antiphon-stream-processor")
    arguments = parser.parse_args()
    PROGRAM = arguments.processor
    SCRIPTS = b"was built without Duktape" not in Path(PROGRAM).read_bytes()
    passed = failed = skipped = 0
    for name, case in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            case()
            passed += 1
        except Skipped as why:
            print(f"skipped {name}: {why}")
            skipped += 1
        except Exception:  # whatever it is, the others still run
            print(f"FAILED  {name}\n{traceback.format_exc()}")
            failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
