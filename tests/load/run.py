#!/usr/bin/env python3
"""Drives `antiphon load`: against the conformance server in each mode, framing and transport, and against a
server that does one thing wrong, which must be noticed.

    run.py --build BUILD --server PATH [-k FILTER]

Where CLI11 was missing when BUILD was configured there is no program antiphon; the cases are then skipped.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

WRONG_SERVER = [sys.executable, str(Path(__file__).with_name("wrong_server.py"))]
MODES = ("ping-pong", "pipelined", "burst", "notifications", "batch", "open-loop", "mixed")
LOOPS = ("ping-pong", "pipelined", "open-loop")
FLAT = ["--framing", "line", "--warm-up", "0", "--timeout", "1"]
CASES = []


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def case(title, rows=((),), needs_program=True):
    def register(function):
        for row in rows:
            name = title.format(*row)
            CASES.append((name, function, row, needs_program))
        return function

    return register


class Bench:
    """What a case works with: the program, the server, and processes that end with the case."""

    def __init__(self, program, server):
        self.program, self.server = program, server
        self.processes = []

    def load(self, *arguments, code=0, seconds=30):
        done = subprocess.run([self.program, "load", *arguments], capture_output=True, text=True, timeout=seconds)
        check(done.returncode == code, f"exit code {done.returncode}, not {code}: {done.stderr}{done.stdout}")
        return done

    def measured(self, *arguments):
        done = self.load("--json", *arguments)
        check(done.stderr == "", f"on stderr: {done.stderr}")
        return json.loads(done.stdout)

    def listen(self, *arguments):
        """Starts the server on a socket. Returns its process and the address that it tells."""
        process = subprocess.Popen([self.server, *arguments], stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        line = process.stderr.readline()
        check(line.startswith("listening "), f"the server says {line!r}")
        return process, line.split()[1]

    def close(self):
        for process in self.processes:
            process.terminate()
            process.wait()
            process.stderr.close()


def plain(mode):
    """A short run in this mode."""
    options = ["--mode", mode, "--warm-up", "0.05", "--messages", "2000"]
    return options + (["--rate", "20000"] if mode == "open-loop" else [])


def check_report(report, mode, framing, transport):
    for name, value in (("mode", mode), ("framing", framing), ("transport", transport), ("errors", 0)):
        check(report[name] == value, f"{name}: {report[name]}, not {value}")
    check(2000 <= report["messages"] < 2020, f"{report['messages']} messages")
    check(report["rate"] > 0 and report["mib_per_s"] > 0 and report["client_cpu_us_per_message"] > 0, report)
    share = report["rate"] * report["seconds"] / report["messages"]
    check(0.99 < share < 1.01, "the rate is not messages / time")
    check(report["bytes_sent"] >= report["messages"] * report["message_bytes"] * 0.9, report)
    latency = report["latency_us"]
    if mode == "notifications":
        check(latency is None, f"the latency of notifications: {latency}")
    else:
        order = [latency[name] for name in ("p50", "p90", "p99", "p99_9", "max")]
        check(order == sorted(order) and order[0] > 0, f"latencies: {order}")
        check(report["bytes_received"] > report["messages"] * 30, report)
    check(1 <= len(report["windows"]) <= 10, f"windows: {report['windows']}")


@case("{0} over pipes, {1}", [(m, f) for m in MODES for f in ("content-length", "line")])
def over_pipes(bench, mode, framing):
    server = [bench.server] + (["--framing", "newline"] if framing == "line" else [])
    report = bench.measured(*plain(mode), "--framing", framing, "--", *server)
    check_report(report, mode, framing, "pipes")
    check(report["server_cpu_us_per_message"] > 0, "no CPU time of the server")


@case("{0} over {1}", [(m, t) for m in MODES for t in ("tcp", "unix")])
def over_sockets(bench, mode, transport):
    with tempfile.TemporaryDirectory(prefix="antiphon-load-") as directory:
        place = "127.0.0.1:0" if transport == "tcp" else f"{directory}/socket"
        process, address = bench.listen(f"--{transport}", place)
        report = bench.measured(*plain(mode), f"--{transport}", address)
        check_report(report, mode, "content-length", transport)
        check(report["server_cpu_us_per_message"] is None, "CPU time of an unknown server")
        report = bench.measured(*plain(mode), f"--{transport}", address, "--pid", str(process.pid))
        check(report["server_cpu_us_per_message"] > 0, "no CPU time of the process that was named")


@case("{0}, texts back to back", [(m,) for m in LOOPS])
def sequence(bench, mode):
    report = bench.measured(*plain(mode), "--framing", "sequence", "--", *WRONG_SERVER, "none")
    check_report(report, mode, "sequence", "pipes")


@case("the scenario {0}", [("fire-and-forget",), ("request-response",), ("burst",), ("small",), ("sustained",)])
def scenario(bench, name):
    report = bench.measured("--scenario", name, "--seconds", "0.2", "--", bench.server)
    check(report["message_bytes"] <= 100, f"{report['message_bytes']} bytes")
    check(report["messages"] > 100, f"{report['messages']} messages")


@case("the scenario large, {0}", [("string",), ("integers",)])
def large(bench, payload):
    report = bench.measured("--scenario", "large", "--payload", payload, "--messages", "20", "--", bench.server)
    check(report["message_bytes"] > 1 << 20, f"{report['message_bytes']} bytes")
    check(report["messages"] == 20 and report["bytes_received"] > 20 << 20, report)


@case("a window of large messages, which fit into no pipe")
def large_window(bench):
    report = bench.measured("--mode", "pipelined", "--window", "8", "--size", "300000", "--messages", "64", "--",
                            bench.server)
    check(report["messages"] == 64, report)


@case("methods whose result isn't known, parameters of one's own")
def methods(bench):
    bench.measured("--mode", "pipelined", "--method", "sum", "--payload", "scalars", "--messages", "100", "--",
                   bench.server)
    bench.measured("--method", "subtract", "--params", "[42,23]", "--messages", "100", "--", bench.server)
    bench.measured("--method", "echo", "--params", '{ "a": [1, 2] }', "--messages", "100", "--", bench.server)


@case("the warm-up isn't counted")
def warm_up(bench):
    report = bench.measured("--seconds", "0.2", "--warm-up", "0.6", "--", bench.server)
    check(0.19 < report["seconds"] < 0.4, f"{report['seconds']} s")
    # The stall is in the warm-up.
    stalling = ["--framing", "line", "--", *WRONG_SERVER, "stall"]
    report = bench.measured("--mode", "open-loop", "--rate", "1000", "--warm-up", "0.8", "--seconds", "0.3", *stalling)
    check(report["latency_us"]["p50"] < 200_000, report["latency_us"])


@case("open-loop counts from when a request was due: a stall of 0.4 s shows in all that were due meanwhile")
def coordinated_omission(bench):
    # So large that most of those due meanwhile find no room in the pipe, and go out late.
    options = ["--mode", "open-loop", "--rate", "1000", "--seconds", "1", *FLAT, "--size", "5000"]
    report = bench.measured(*options, "--", *WRONG_SERVER, "stall")
    latency = report["latency_us"]
    check(report["messages"] == 1000, f"{report['messages']} messages")
    check(latency["max"] > 390_000, latency)
    # 400 of the 1000 were due in that time, and waited for 0.2 s on average.
    check(latency["p90"] > 200_000, latency)
    check(latency["p50"] < 200_000, latency)


@case("open-loop with other methods beside: they are answered and counted, and no part of the latency")
def beside(bench):
    options = ["--mode", "open-loop", "--rate", "2000", "--seconds", "0.5", "--warm-up", "0", "--payload", "scalars"]
    report = bench.measured(*options, "--method", "subtract", "--beside", "sum=1000", "--beside", "echo=500", "--",
                            bench.server)
    check(abs(report["messages"] - 1750) < 10, f"{report['messages']} messages")
    bench.load("--beside", "sum=10", "--", bench.server, code=2)
    bench.load(*options, "--beside", "sum", "--", bench.server, code=2)


@case("open-loop, punctual: what a slow server has not taken when the time is over is never sent")
def punctual(bench):
    # Ten times what it can do.
    options = ["--mode", "open-loop", "--rate", "20000", "--seconds", "0.5", "--punctual", *FLAT, "--size", "5000"]
    report = bench.measured(*options, "--", *WRONG_SERVER, "stall")
    check(report["messages"] < 10_000, f"{report['messages']} messages")
    check(report["seconds"] < 2, f"{report['seconds']} s")


@case("closed loop: the same stall is one slow answer")
def one_stall(bench):
    report = bench.measured("--mode", "ping-pong", "--messages", "1000", *FLAT, "--", *WRONG_SERVER, "stall")
    check(report["latency_us"]["max"] > 390_000, report["latency_us"])
    check(report["latency_us"]["p99"] < 200_000, report["latency_us"])


@case("notifications are done when the server has handled them all")
def handled(bench):
    # All of them fit into the pipe. Behind them comes a request, as at the beginning and after the warm-up.
    options = ["--mode", "notifications", "--messages", "200", *FLAT]
    report = bench.measured(*options, "--", *WRONG_SERVER, "stall", "203")
    check(report["messages"] == 200, f"{report['messages']} messages")
    check(report["seconds"] > 0.39, f"{report['seconds']} s, but the server took 0.4 s to get there")


# What the server does, what must be said, and in which modes it shows.
FAULTS = [
    ("wrong-answer", r"a wrong result: .*something else"),
    ("one-byte", r"a wrong result: .*quiet"),
    ("swapped-id", r"an answer to no request in flight: .*result"),
    ("duplicate", r"an answer to no request in flight: .*result"),
    ("missing", r"the server has done nothing for 1 s, with 1 requests? unanswered"),
    ("needless", r"an answer to no request in flight: .*null"),
    ("error", r"1 error responses?; the first: .*no more of this"),
    ("garbage", r"no JSON-RPC message: .*Segmentation fault"),
    ("half", r"the server ended its output, with \d+ requests? unanswered"),
    ("early-exit", r"the server ended its output, with \d+ requests? unanswered|the server takes no more input"),
    ("exit-code", r"the server's exit code is 3"),
    ("silence", r"the server has done nothing for 1 s, with \d+ requests? unanswered"),
    ("ends-badly", r"the server's exit code is 5"),
    ("stays", r"the server ran on after the end of its input, and was terminated"),
    ("late-answer", r"an answer to no request in flight: .*\[\]"),
]


SLOW = ("silence", "stays")


@case("{0} is noticed in {2}", [(f, m, mode) for f, m in FAULTS for mode in (LOOPS if f not in SLOW else LOOPS[1:2])])
def fault(bench, name, message, mode):
    options = ["--mode", mode, "--window", "64", "--messages", "400", *FLAT]
    options += ["--rate", "2000"] if mode == "open-loop" else []
    done = bench.load(*options, "--", *WRONG_SERVER, name, code=1)
    check(re.search(message, done.stderr), f"not {message!r} but: {done.stderr}")
    for line in done.stderr.splitlines():
        check(line.startswith("antiphon load: "), f"not ours: {line}")


@case("the right answer to another request is noticed")
def stale(bench):
    # Line 151 is the tenth message of a cycle, which is the large one; the one before it is small.
    options = ["--mode", "mixed", "--messages", "400", *FLAT]
    done = bench.load(*options, "--", *WRONG_SERVER, "stale", "151", code=1)
    check(re.search(r"a wrong result: .*quick", done.stderr), done.stderr)


@case("error responses are fine with --allow-errors, and counted")
def allowed_errors(bench):
    report = bench.measured("--messages", "400", *FLAT, "--allow-errors", "--", *WRONG_SERVER, "error")
    check(report["errors"] == 1 and report["messages"] == 400, report)


@case("no server: {0}", [("a program that isn't there", "--", "/nonexistent/program"),
                         ("a port where nobody listens", "--tcp", "127.0.0.1:1"),
                         ("a socket that isn't there", "--unix", "/nonexistent/socket")])
def no_server(bench, _what, *server):
    done = bench.load(*server, code=1)
    check(re.search(r"cannot (start|connect to) ", done.stderr), done.stderr)


@case("wrong usage: {0}", [(line,) for line in (
    "", "--tcp 127.0.0.1 ", "--tcp 127.0.0.1:1 -- true", "--mode sideways -- true", "--rate 5 -- true",
    "--mode open-loop -- true", "--params 7 -- true", "--params [1 -- true", "--window 0 -- true", "--bogus -- true",
    "--size 5 --params [] -- true", "--seconds 1 --messages 1 -- true", "--scenario none -- true")])
def wrong_usage(bench, line):
    done = bench.load(*line.split(), code=2)
    check("antiphon load: " in done.stderr and done.stdout == "", done.stderr)


@case("--help names every mode and scenario")
def help_text(bench):
    text = bench.load("--help").stdout
    for name in (*MODES, "fire-and-forget", "request-response", "sustained", "small", "large", "--json"):
        check(name in text, f"no {name} in the help")


@case("for people there is text, with percentiles and tenths")
def text(bench):
    said = bench.load("--mode", "pipelined", "--seconds", "0.2", "--", bench.server).stdout
    check(re.search(r"p50 [\d.]+, p90 [\d.]+, p99 [\d.]+, p99\.9 [\d.]+, max [\d.]+", said), said)
    tenths = re.search(r"each tenth of the run.*:((?: \d+)+)\n", said)
    check(tenths and len(tenths[1].split()) == 10, said)


@case("the wrong server is right without a fault, and wrong with one", needs_program=False)
def the_means(_bench):
    requests = "".join(json.dumps({"jsonrpc": "2.0", "id": i, "params": [i]}) + "\n" for i in range(3))
    for name, wanted in (("none", [0, 1, 2]), ("missing", [0, 2]), ("duplicate", [0, 1, 1, 2])):
        said = subprocess.run([*WRONG_SERVER, name, "2"], input=requests, capture_output=True, text=True, timeout=20)
        check([json.loads(line)["id"] for line in said.stdout.splitlines()] == wanted, f"{name}: {said}")


def find_program(build):
    """The program's path, or None where it can't be built; where it should be there it must be."""
    program = Path(build) / "tools/antiphon/antiphon"
    known = "tools/antiphon/antiphon:" in (Path(build) / "build.ninja").read_text() or program.exists()
    return str(program.resolve()) if known else None


def run(case_, program, server):
    _, function, row, _ = case_
    bench = Bench(program, server)
    try:
        function(bench, *row)
    except (Failure, subprocess.SubprocessError, OSError, ValueError, KeyError) as failure:
        return f"{type(failure).__name__}: {failure}"
    finally:
        bench.close()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--server", required=True, help="the program antiphon-conformance")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    options = parser.parse_args()
    program = find_program(options.build)

    passed = failed = skipped = 0
    for case_ in CASES:
        if options.filter not in case_[0]:
            continue
        if case_[3] and program is None:
            skipped += 1
            continue
        problem = run(case_, program, options.server)
        passed, failed = passed + (problem is None), failed + (problem is not None)
        if problem:
            print(f"FAILED {case_[0]}\n  {problem}", flush=True)
    if skipped:
        print("SKIP CLI11 was missing when the build was configured, so there is no program antiphon")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
