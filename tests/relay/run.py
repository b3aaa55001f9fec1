#!/usr/bin/env python3
"""Drives the program `antiphon relay` as its users do.

    run.py --build BUILD [-k FILTER]

Where CLI11 was missing when BUILD was configured there is no program antiphon; the cases are then skipped.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kills
import shared_clangd
from relay_process import Failure, Relay, check, children_of, eventually, kill_child, target

CASES = []


class Missing(Exception):
    """Something that a case needs isn't installed."""


TARGET_DOWN = -32010
ALWAYS = {"when": "always", "first_delay_ms": 1, "max_restarts": 1000}


def case(title, rows=((),)):
    def register(function):
        for row in rows:
            CASES.append((title.format(*row), function, row))
        return function

    return register


class Stage:
    """What a case works with; ends the relays that it started."""

    def __init__(self, build):
        self.build = build
        self.program = str(build / "tools/antiphon/antiphon")
        self.worker = str(build / "tests/relay/antiphon-relay-worker")
        self.relays = []
        self.directory = None

    def start(self, config=None, arguments=(), stdio=False):
        self.relays.append(Relay(self.program, config, arguments, stdio))
        return self.relays[-1]

    def work(self, *words, **settings):
        """A target that is a worker."""
        return {"command": [self.worker, "line", *words], "framing": "line", **settings}

    def socket(self):
        """A place for a relay to listen that isn't started by a file."""
        if self.directory is None:
            self.directory = tempfile.TemporaryDirectory(prefix="antiphon-relay-")
        return str(Path(self.directory.name) / "s")

    def close(self):
        for relay in self.relays:
            relay.close()
        if self.directory is not None:
            self.directory.cleanup()


def statistics(client, name):
    return target(client.result("relay/statistics"), name)


@case("requests go to the target that their method names, and what comes back to the client that asked")
def routing(stage):
    relay = stage.start({"targets": {"a": stage.work(), "b": stage.work()}})
    first, second = relay.connect(), relay.connect()
    check(first.result("a/pid") != first.result("b/pid"), "one process for two targets")
    check(first.result("a/pid") == second.result("a/pid"), "two processes for one target")
    numbers = [(client, client.request("a/echo", [i])) for i in range(50) for client in (first, second)]
    for i, (client, number) in enumerate(numbers):
        check(client.answer_to(number)["result"] == [i // 2], "someone else's answer")
    check(first.ask("nobody/echo", [])["error"]["code"] == -32601, "a target that isn't there")
    check(first.result("echo", {"target": "b", "x": 1}) == {"target": "b", "x": 1}, "by a member of the params")
    process = statistics(first, "a")
    check(process["requests"] >= 100 and process["in_flight"] == 0, process)


@case("what a target says on its own reaches the clients")
def own_words(stage):
    relay = stage.start({"targets": {"a": stage.work()}})
    client = relay.connect()
    client.result("a/echo", [])
    client.send(method="a/say", params=["hello"])
    check(client.notification() == {"jsonrpc": "2.0", "method": "said", "params": ["hello"]}, "no notification")


@case("a target that is killed fails its callers at once, with the reason, and is started again")
def killed(stage):
    relay = stage.start({"targets": {"a": stage.work(), "b": stage.work()}})
    client = relay.connect()
    pid = client.result("a/pid")
    slow, other = client.request("a/never"), client.request("b/slow", [300])
    eventually(lambda: statistics(client, "a")["in_flight"] == 1, "it is asked")
    began = time.monotonic()
    check(kill_child(relay.process.pid, pid), "it isn't there")
    error = client.answer_to(slow)["error"]
    check(time.monotonic() - began < 1, "not at once")
    check(error["code"] == TARGET_DOWN and error["data"]["target"] == "a", error)
    # What is asked before the relay has settled this may fail as well.
    eventually(lambda: client.ask("a/pid").get("result", pid) != pid, "it is started again")
    check(client.answer_to(other)["result"] == 300, "the other one noticed")
    process = statistics(client, "a")["process"]
    check(process["restarts"] == 1 and process["last_end"] == "killed by signal 9", process)


@case("a target that ends again and again is given up, and callers are told why")
def given_up(stage):
    restart = {"when": "on_failure", "first_delay_ms": 1, "max_restarts": 3, "window_ms": 60000}
    relay = stage.start({"targets": {"a": {"command": [stage.worker, "exit=7"], "restart": restart}}})
    client = relay.connect()
    relay.says("given up")
    error = client.ask("a/echo")["error"]
    check(error["code"] == TARGET_DOWN and "given up after 3 restarts" in error["data"]["reason"], error)
    check("exit code 7" in error["data"]["reason"], error)


@case("a target that hangs is found by its health check")
def hung(stage):
    relay = stage.start({"targets": {"a": stage.work(health={"interval_ms": 50, "timeout_ms": 1000}, restart=ALWAYS)}})
    client = relay.connect()
    client.result("a/echo", [])
    client.send(method="a/hang")
    check(client.ask("a/echo", [])["error"]["code"] == TARGET_DOWN, "it can't have answered")
    eventually(lambda: client.ask("a/echo", [1]).get("result") == [1], "it is back")
    check(statistics(client, "a")["process"]["hung"] == 1, "not counted")


@case("topics: subscribers hear what is published, by clients and by targets' side, in order")
def topics(stage):
    relay = stage.start({"targets": {}, "topics": {}})
    speaker, listener = relay.connect(), relay.connect()
    check(listener.result("topics/subscribe", {"topic": "t"}) is True, "subscribed twice")
    check(speaker.result("topics/publish", {"topic": "t", "payload": {"n": 0}}) == 1, "nobody hears")
    for n in range(1, 100):
        speaker.send(method="topics/publish", params={"topic": "t", "payload": {"n": n}})
    for n in range(100):
        message = listener.notification()
        check(message["method"] == "topics/event" and message["params"] == {"topic": "t", "payload": {"n": n}}, message)
    check(listener.result("topics/unsubscribe", {"topic": "t"}) is True, "not unsubscribed")
    check(speaker.result("topics/publish", {"topic": "t", "payload": 1}) == 0, "somebody hears")


@case("a subscriber that doesn't read: {0}", [("drop_oldest",), ("disconnect",)])
def slow_subscriber(stage, policy):
    # A connection takes some MiB by itself before anything waits: the kernel's buffer and the output's bound.
    relay = stage.start({"targets": {}, "topics": {"max_queued": 5, "when_full": policy}})
    speaker, listener, slow = relay.connect(), relay.connect(), relay.connect()
    slow.result("topics/subscribe", {"topic": "t"})
    listener.result("topics/subscribe", {"topic": "t"})
    payload = "x" * 1_000_000
    for n in range(40):
        speaker.result("topics/publish", {"topic": "t", "payload": [n, payload]})
        check(listener.notification()["params"]["payload"][0] == n, "the quick one lost something")
    figures = speaker.result("relay/statistics")["topics"]
    if policy == "drop_oldest":
        check(figures["dropped"] > 0 and figures["disconnected"] == 0 and figures["most_queued"] == 5, figures)
    else:
        check(figures["disconnected"] == 1 and figures["subscribers"] == 1, figures)


@case("SIGHUP: what is new is started, what is gone is ended, what has changed is replaced, the rest goes on")
def reload(stage):
    relay = stage.start({"targets": {"stays": stage.work(), "goes": stage.work(), "changes": stage.work(),
                                     "tighter": stage.work()}})
    client = relay.connect()
    before = {name: client.result(f"{name}/pid") for name in ("stays", "goes", "changes", "tighter")}
    open_call = client.request("stays/slow", [400])
    relay.reload({"targets": {"comes": stage.work(), "stays": stage.work(), "tighter": stage.work(max_in_flight=3),
                              "changes": stage.work(env={"A": "b"})}})
    relay.says("the configuration has been read again")
    check(client.result("stays/pid") == before["stays"], "it was disturbed")
    check(client.answer_to(open_call)["result"] == 400, "its call was disturbed")
    check(client.result("changes/pid") != before["changes"], "it wasn't replaced")
    check(client.result("tighter/pid") != before["tighter"], "it wasn't replaced")
    check(client.result("comes/echo", [1]) == [1], "it wasn't started")
    check(client.ask("goes/echo", [])["error"]["code"] == -32601, "it is still there")
    eventually(lambda: len(children_of(relay.process.pid)) == 4, "the old ones are gone")


@case("SIGHUP: routing, the drain's time and the name of the statistics change, the rest is told to wait")
def reload_the_rest(stage):
    targets = {"a": stage.work(), "b": stage.work()}
    relay = stage.start({"targets": targets})
    client = relay.connect()
    pid = client.result("a/pid")
    check(client.ask("pid")["error"]["code"] == -32601, "it goes somewhere")
    relay.reload({"targets": targets, "routing": {"otherwise": "a", "prefix_separator": "."}, "drain_ms": 100,
                  "statistics_method": "figures"})
    relay.says("the configuration has been read again")
    check(client.result("pid") == pid and client.result("a.pid") == pid, "not by the new rules")
    check(len(relay.connect().result("figures")["targets"]) == 2, "no figures")
    check(not [line for line in relay.said if "next start" in line], relay.said)
    relay.reload({"targets": targets, "topics": {}})
    relay.says('"listen", "topics" and "check" take effect at the next start')
    number = client.request("a/never")
    eventually(lambda: statistics(client, "a")["in_flight"] == 1, "it is asked")
    began = time.monotonic()
    relay.reload({"targets": {"b": stage.work()}, "drain_ms": 100})
    check(client.answer_to(number)["error"]["code"] == TARGET_DOWN, "no error")
    check(time.monotonic() - began < 3, "it was drained for the old time")


@case("SIGHUP: requests that wait for a target that is replaced go to the new one")
def reload_under_load(stage):
    relay = stage.start({"targets": {"a": stage.work()}})
    client = relay.connect()
    client.result("a/echo", [])
    relay.write({"targets": {"a": stage.work(env={"A": "b"})}})
    relay.process.send_signal(signal.SIGHUP)
    for n in range(2000):
        answer = client.ask("a/echo", [n])
        check(answer.get("result") == [n], answer)
    relay.says("the configuration has been read again")


@case("SIGHUP with {0}: it is refused with a message, and nothing changes", [
    ("a mistake", '{"targets": {\n"a": {"command": 7}}}',
     ":2: /targets/a/command: expected an array of strings, found a number"),
    ("no JSON", "{", ":1: column 2: "),
])
def bad_reload(stage, _what, text, said):
    relay = stage.start({"targets": {"a": stage.work()}})
    client = relay.connect()
    pid = client.result("a/pid")
    relay.reload(text)
    relay.says(said)
    relay.says("the configuration is not changed")
    check(client.result("a/pid") == pid, "it was disturbed")


@case("SIGTERM: what targets have is answered, then all of them end, and the exit code is 0")
def drain(stage):
    relay = stage.start({"targets": {"a": stage.work(), "b": stage.work()}})
    client = relay.connect()
    pids = [client.result(f"{name}/pid") for name in "ab"]
    slow = client.request("a/slow", [300])
    eventually(lambda: statistics(client, "a")["in_flight"] == 1, "it is asked")
    relay.process.terminate()
    check(client.answer_to(slow)["result"] == 300, "its answer is lost")
    check(client.reader.readline() == b"", "the connection isn't ended")
    check(relay.wait() == 0, relay.process.returncode)
    for pid in pids:
        check(not os.path.exists(f"/proc/{pid}"), "a process is left behind")
    check(not os.path.exists(relay.address), "the socket's file is left behind")


@case("SIGTERM: a target that ignores everything is killed")
def stubborn(stage):
    stop = {"end_of_input_ms": 50, "terminate_ms": 50}
    relay = stage.start({"drain_ms": 100, "targets": {"a": stage.work("stubborn", stop=stop)}})
    client = relay.connect()
    pid = client.result("a/pid")
    client.request("a/never")
    relay.process.terminate()
    check(relay.wait() == 0, relay.process.returncode)
    check(not os.path.exists(f"/proc/{pid}"), "it is left behind")


@case("a client on standard input: its end is the relay's, after the last answer")
def stdio(stage):
    relay = stage.start({"listen": [{"at": "stdio", "framing": "line"}], "targets": {"a": stage.work()}}, stdio=True)
    client = relay.own_client()
    check(client.result("a/echo", [1]) == [1], "no echo")
    number = client.request("a/slow", [100])
    client.writer.close()
    check(client.answer_to(number)["result"] == 100, "its answer is lost")
    check(relay.wait() == 0, relay.process.returncode)


@case("framings may differ: {0} for clients, {1} for the target", [
    (a, b) for a in ("content-length", "line") for b in ("content-length", "line")])
def framings(stage, outer, inner):
    words = ["line"] if inner == "line" else []
    one = {"command": [stage.worker, *words], "framing": inner}
    relay = stage.start({"listen": [{"at": "stdio", "framing": outer}], "targets": {"a": one}}, stdio=True)
    body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "a/echo", "params": {"a": "\u00e4\n"}}).encode()
    head = b"Content-Length: %d\r\n\r\n" % len(body) if outer == "content-length" else b""
    said, _ = relay.process.communicate(head + body + (b"" if head else b"\n"), timeout=20)
    answer = json.loads(said.split(b"\r\n\r\n")[1] if head else said)
    check(answer == {"jsonrpc": "2.0", "id": "x", "result": {"a": "\u00e4\n"}}, answer)


@case("--share: two clients have one server, which is started once")
def share(stage):
    server = Path(__file__).with_name("one_server.py")
    relay = stage.start(stdio=True, arguments=["--share", "--framing", "line", "--listen", "stdio", "--listen",
                                               "unix:" + stage.socket(), "--", sys.executable, "-u", str(server)])
    first = relay.own_client()
    relay.address = stage.socket()
    second = relay.connect()
    capabilities = first.result("initialize", {"processId": 1, "capabilities": {}})
    check(capabilities == second.result("initialize", {"processId": 2, "capabilities": {}}), "not the same answer")
    for client in (first, second):
        client.send(method="initialized", params={})
    check(first.result("pid") == second.result("pid"), "two servers")
    check(second.result("initialized") == [1, 1], "initialize or initialized was passed on twice")
    first.writer.close()
    check(second.result("pid") > 0, "the server is gone with the first client")
    second.close()
    check(relay.wait() == 0, relay.process.returncode)


@case("--share: two Neovims have one clangd; diagnostics, symbols and hover reach the right one")
def editors(stage):
    nvim, clangd = shutil.which("nvim"), shutil.which("clangd-19") or shutil.which("clangd")
    if not nvim or not clangd:
        raise Missing("Neovim or clangd")
    with tempfile.TemporaryDirectory(prefix="antiphon-relay-") as directory:
        shared_clangd.run(stage.program, nvim, clangd, Path(directory))


MISTAKES = [
    ("no JSON", '{"targets": {\n  "a": }', r"relay.json:2: column 8: "),
    ("no targets", "{}", 'relay.json:1: the whole: the member "targets" is missing'),
    ("no command", '{"targets": {"a": {}}}', 'relay.json:1: /targets/a: the member "command" is missing'),
    ("an empty command", '{"targets": {"a": {"command": []}}}', "/targets/a/command: expected a program"),
    ("a word that is none", '{"targets": {"a": {"command": ["x", 1]}}}',
     "/targets/a/command/1: expected a string, found a number"),
    ("a setting that isn't", '{"targets": {"a": {"command": ["x"], "comand": 1}}}',
     "/targets/a/comand: there is no such setting; there are command, directory"),
    ("a setting twice", '{"drain_ms": 1, "drain_ms": 2, "targets": {}}', "/drain_ms: it is there twice"),
    ("a wrong word", '{"targets": {"a": {"command": ["x"],\n"restart": {"when": "often"}}}}',
     'relay.json:2: /targets/a/restart/when: expected one of never, on_failure, always, found "often"'),
    ("a number out of range", '{"targets": {"a": {"command": ["x"], "max_in_flight": 0}}}',
     "/targets/a/max_in_flight: expected an integer from 1 to"),
    ("a fraction", '{"drain_ms": 1.5, "targets": {}}', "/drain_ms: expected an integer from 0 to"),
    ("a health check without its interval", '{"targets": {"a": {"command": ["x"], "health": {}}}}',
     'the member "interval_ms" is missing'),
    ("a place that isn't", '{"listen": [{"at": "tcp:99"}], "targets": {}}',
     '/listen/0/at: expected "stdio", "unix:PATH" or "tcp:HOST:PORT", found "tcp:99"'),
    ("stdio twice", '{"listen": [{"at": "stdio"}, {"at": "stdio"}], "targets": {}}', "one client only"),
    ("a name with the separator", '{"targets": {"a/b": {"command": ["x"]}}}',
     '/targets/a~1b: the name of a target may not have "/" in it'),
    ("a way to nowhere", '{"routing": {"otherwise": "b"}, "targets": {}}', 'names the target "b", which there isn'),
]


@case("a mistake in the file, {0}: exit code 2, and the message says where", MISTAKES)
def mistakes(stage, _what, text, said):
    relay = stage.start(text)
    code = relay.wait()
    check(said in relay.log(), f"not {said!r} but: {relay.log()}")
    check(code == 2, f"exit code {code}")


@case("--check looks for mistakes and does nothing else")
def check_only(stage):
    relay = stage.start({"targets": {"a": stage.work()}}, arguments=["--check"])
    check(relay.wait() == 0 and relay.log() == "", relay.log())
    relay = stage.start({"targets": {"a": 1}}, arguments=["--check"])
    check(relay.wait() == 2, relay.log())


@case("wrong usage: exit code 2, and a hint: {0}", [("",), ("--bogus",), ("--config",),
                                                             ("--config x --framing line",)])
def wrong_usage(stage, line):
    relay = stage.start(arguments=line.split())
    check(relay.wait() == 2 and "--help" in relay.log(), relay.log())


@case("a place that is taken: exit code 1, and no process is started")
def taken(stage):
    first = stage.start({"targets": {"a": stage.work()}})
    first.says("listening on")
    second = stage.start({"listen": [{"at": f"unix:{first.address}"}], "targets": {"a": stage.work()}})
    check(second.wait() == 1, second.process.returncode)
    check("started" not in second.log(), second.log())


@case("help: {0}", [("antiphon help", ["help"], ("relay", "load", "Exit codes")),
                    ("antiphon relay --help", ["relay", "--help"], ("--config", "SIGHUP", "Exit codes")),
                    ("antiphon load --help", ["load", "--help"], ("--mode", "Exit codes"))])
def help_text(stage, _what, arguments, words):
    done = subprocess.run([stage.program, *arguments], capture_output=True, text=True, timeout=20)
    check(done.returncode == 0 and all(word in done.stdout for word in words), done)


@case("a verb that isn't there, or none: exit code 2")
def no_verb(stage):
    for arguments in ([], ["rely"]):
        done = subprocess.run([stage.program, *arguments], capture_output=True, text=True, timeout=20)
        check(done.returncode == 2 and done.stdout == "" and "help" in done.stderr, done)


@case("kill -9 of subprocesses under load, 30 times: every request is answered, nothing leaks")
def short_kills(stage):
    print(f"  note  {kills.run(stage.program, stage.worker, 30)}", flush=True)


@case("the example broker: servers in Python, on Node and in C++ behind one relay")
def broker(stage):
    place = stage.build / "examples/broker"
    check(place.is_dir(), "the examples aren't built")
    check(shutil.which("node"), "Node isn't here")
    was = os.getcwd()
    os.chdir(place)
    try:
        relay = stage.start(arguments=["--config", "relay.json"], stdio=True)
    finally:
        os.chdir(was)
    client = relay.own_client()
    counted = {"to": 2, "be": 2, "or": 1, "not": 1}
    check(client.result("words/count", {"text": "to be or not to be"}) == counted, "words")
    day = {"iso": "2024-02-29T00:00:00.000Z", "weekday": "Thursday"}
    check(client.result("times/parse", {"text": "2024-02-29"}) == day, "times")
    check(client.ask("times/parse", {"text": "never"})["error"]["message"] == "not a date: never", "an error")
    client.result("topics/subscribe", {"topic": "bookings"})
    check(client.result("ledger/book", {"account": "ann", "amount": 5}) == 5, "ledger")
    check(client.notification()["params"] == {"topic": "bookings", "payload": {"account": "ann", "amount": 5}}, "news")
    check(client.result("ledger/balance", {"account": "ann"}) == 5, "balance")
    victim = statistics(client, "times")["process"]["pid"]
    check(kill_child(relay.process.pid, victim), "it isn't there")
    eventually(lambda: statistics(client, "times")["process"]["starts"] == 2, "it is started again")
    check(client.result("times/parse", {"text": "1970-01-01"})["weekday"] == "Thursday", "times again")
    check(client.result("ledger/balance", {"account": "ann"}) == 5, "the ledger was disturbed")
    client.writer.close()
    check(relay.wait() == 0, relay.process.returncode)


def run(case_, build):
    _, function, row = case_
    stage = Stage(build)
    try:
        function(stage, *row)
    except (Failure, subprocess.SubprocessError, OSError, ValueError, KeyError, StopIteration) as failure:
        logs = "".join(f"\n  log of relay {number}: {line}" for number, relay in enumerate(stage.relays)
                       for line in relay.said[-20:])
        return f"{type(failure).__name__}: {failure}{logs}"
    finally:
        stage.close()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    options = parser.parse_args()
    build = Path(options.build).resolve()
    selected = [one for one in CASES if options.filter in one[0]]
    program = build / "tools/antiphon/antiphon"
    if not program.exists() and "tools/antiphon/antiphon:" not in (build / "build.ninja").read_text():
        print("SKIP CLI11 was missing when the build was configured, so there is no program antiphon")
        print(f"0 passed, 0 failed, {len(selected)} skipped")
        return 0

    passed = failed = skipped = 0
    for one in selected:
        try:
            problem = run(one, build)
        except Missing as what:
            print(f"SKIP {one[0]}: {what} isn't installed", flush=True)
            skipped += 1
            continue
        passed, failed = passed + (problem is None), failed + (problem is not None)
        if problem:
            print(f"FAILED {one[0]}\n  {problem}", flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
