#!/usr/bin/env python3
"""Measures the example stream processor through real pipes, against the figures it is meant to reach.

    stream_processor.py BUILD_DIRECTORY [--seconds S] [--script-seconds S]

The program has one core, this driver another. It is given messages as fast as it takes them: one in four is hot
enough for a second result. The rate is that of the slowest whole second. Allocations are those of the whole
program (operator new, counted by itself), its times those of its own histogram: from the start of a message's
handler until its results are encoded. Where it was built with Duktape, the same mapping as a script is measured
beside it. The figures are also written to build/bench/stream_processor.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from load_runs import conditions, resident, write_results
from report import print_cells

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "stream_processor" / "sample.json"
SCRIPTED = {
    "mappings": [{
        "from": "sensors/{device}/temperature",
        "to": "converted/{device}/{payload.site}",
        "script": "return {device: captures.device, degrees: payload.celsius * 9 / 5 + 32, unit: 'F',"
                  " label: payload.site + ': ' + Math.round(payload.celsius) + ' C'};",
    }],
}
BLOCK = 1000
WARM_UP_S = 1.0


def block_of_messages():
    def message(i):
        payload = {"celsius": (i % 32) * 3.3, "site": "hall", "at": "2024-05-01T12:00:00Z",
                   "tags": ["a", "b"], "battery": {"volts": 3.7, "ok": True}}
        return {"jsonrpc": "2.0", "method": "publish",
                "params": {"topic": f"sensors/d{i % 50}/temperature", "payload": payload}}
    return "".join(json.dumps(message(i), separators=(",", ":")) + "\n" for i in range(BLOCK)).encode()


class Processor:
    """The program, this thread reading from it, another one writing to it."""

    def __init__(self, program, configuration, core):
        command = ["taskset", "-c", str(core), program, "--config", str(configuration)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = []
        self.arrived = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    # Results are only taken off the pipe: each batch of them is one line, as is the answer to a question.
    def read(self):
        rest = b""
        while True:
            piece = os.read(self.process.stdout.fileno(), 1 << 20)
            if not piece:
                break
            at = piece.find(b'"id":')
            if at >= 0 or rest:
                rest += piece
                while b"\n" in rest:
                    line, rest = rest.split(b"\n", 1)
                    if b'"id":' in line:
                        with self.arrived:
                            self.answers.append(json.loads(line)["result"])
                            self.arrived.notify()
                if b'"id":' not in rest:
                    rest = b""
        with self.arrived:
            self.answers.append(None)
            self.arrived.notify()

    def write(self, text):
        view = memoryview(text)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view):]

    def counters(self):
        self.write(b'{"jsonrpc":"2.0","id":1,"method":"counters"}\n')
        with self.arrived:
            self.arrived.wait_for(lambda: self.answers)
            answer = self.answers.pop(0)
        if answer is None:
            sys.exit("the processor has ended")
        return answer

    def end(self):
        self.process.stdin.close()
        if self.process.wait(timeout=30) != 0:
            sys.exit("the processor failed")


def run(program, configuration, seconds, core):
    block = block_of_messages()
    processor = Processor(program, configuration, core)
    try:
        until = time.monotonic() + WARM_UP_S
        while time.monotonic() < until:
            processor.write(block)
        start = before = processor.counters()
        small = resident(processor.process.pid)
        began = then = time.monotonic()
        rates = []
        while then - began < seconds:
            while time.monotonic() - then < 1.0:
                processor.write(block)
            after, now = processor.counters(), time.monotonic()
            rates.append((after["received"] - before["received"]) / (now - then))
            before, then = after, now
        count = before["received"] - start["received"]
        figures = {
            "seconds": then - began, "messages": count, "bytes_per_message": len(block) / BLOCK,
            "rate": count / (then - began), "slowest_second": min(rates),
            "allocations": (before["allocations"] - start["allocations"]) / count,
            "allocated_bytes": (before["allocated_bytes"] - start["allocated_bytes"]) / count,
            "p50_us": before["p50_ns"] / 1e3, "p95_us": before["p95_ns"] / 1e3, "p99_us": before["p99_ns"] / 1e3,
            "errored": before["errored"], "dropped": before["dropped"],
            "results_per_message": (before["results"] - start["results"]) / count,
            "rss_growth_kib": (resident(processor.process.pid) - small) / 1024,
        }
        processor.end()
        return figures
    finally:
        processor.process.kill()
        processor.process.wait()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench stream_processor",
                                     description="The example stream processor through pipes, on one core.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, metavar="S", default=30, help="for how long (30)")
    parser.add_argument("--script-seconds", type=float, metavar="S", default=5, help="and with a script (5)")
    given = parser.parse_args()
    program = Path(given.build).resolve() / "examples" / "stream_processor" / "antiphon-stream-processor"
    if not program.is_file():
        sys.exit(f"no program {program}")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("this needs two cores: one for the processor, one for what drives it")
    os.sched_setaffinity(0, cores[:1])

    machine = conditions()
    native = run(str(program), SAMPLE, given.seconds, cores[1])
    bars = [
        ("messages/s, slowest second", native["slowest_second"], ">=", 100_000),
        ("KB allocated a message", native["allocated_bytes"] / 1000, "<", 10),
        ("allocations a message", native["allocations"], "<", 10),
        ("p95 in microseconds", native["p95_us"], "<", 10),
        ("errors and drops", native["errored"] + native["dropped"], "<", 1),
    ]
    print(f"{native['messages']} messages of {native['bytes_per_message']:.0f} bytes in {native['seconds']:.0f} s, "
          f"{native['results_per_message']:.2f} results each: {native['rate']:,.0f}/s, "
          f"p50 {native['p50_us']:.2f} us, p99 {native['p99_us']:.2f} us, RSS {native['rss_growth_kib']:+.0f} KiB\n")
    rows = [["native expressions", "measured", "wanted", ""]]
    met = True
    for title, value, sign, wanted in bars:
        fine = value >= wanted if sign == ">=" else value < wanted
        met = met and fine
        rows.append([title, f"{value:,.2f}" if value < 1000 else f"{value:,.0f}", f"{sign} {wanted:,}",
                     "met" if fine else "SHORT"])
    print_cells(rows, left=1)
    results = {**machine, "native": native}
    if b"was built without Duktape" in program.read_bytes():
        print("\nbuilt without Duktape: no script was measured")
    elif given.script_seconds > 0:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(SCRIPTED, file)
            file.flush()
            script = run(str(program), file.name, given.script_seconds, cores[1])
        results["script"] = script
        print(f"\nwith a script instead: {script['rate']:,.0f} messages/s, p95 {script['p95_us']:.1f} us, "
              f"{script['allocations']:.2f} allocations of C++ a message")
    print(f"\n{write_results('stream_processor', results)}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
