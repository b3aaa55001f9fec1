"""3_advanced."""

import json
import os
import pty
import signal
import struct
import termios
import time

from stage import Pipe, Talk, case, check, gone, header, native, read_header, read_native, same, until


# --- transport, framing, middleware ------------------------------------------------------------------


@case
def transport(stage):
    """custom transport: it serves over a terminal, and ends when the other side is closed"""
    ours, theirs = pty.openpty()
    try:
        program = stage.start("3_advanced/custom-transport", os.ttyname(theirs))
        # Until it has said how it wants the terminal, that echoes what we write.
        until(lambda: not echoes(theirs), "the terminal in raw mode")
        talk = Talk(Pipe(ours, ours), lambda text: text + b"\n", lambda pipe: pipe.through(b"\n"))
        same(talk.call("add", [40, 2]), 42, "the sum")
        same(talk.call("echo", ["x" * 20000]), ["x" * 20000], "more than a terminal holds")
    finally:
        os.close(ours)
        os.close(theirs)
    same(program.ends(), ("", ""), "it says")


def echoes(terminal):
    return termios.tcgetattr(terminal)[3] & termios.ECHO


@case
def framing(stage):
    """custom framing: messages behind their lengths, whole and byte by byte"""
    host, talk = stage.talk("3_advanced/custom-framing", frame=native, read=read_native)
    same(talk.call("add", {"a": 40, "b": 2}), 42, "the sum")
    large = ["\xe9" * 100000]
    same(talk.call("echo", large), large, "a large message")
    for byte in native(b'{"jsonrpc":"2.0","id":"x","method":"add","params":[1,2]}') * 2:
        host.pipe.write(bytes([byte]))
    same([talk.receive()["result"] for _ in range(2)], [3, 3], "byte by byte")
    host.pipe.write(native(b"") + native(b"{"))
    same([talk.receive()["error"]["code"] for _ in range(2)], [-32700, -32700], "no JSON")
    same(talk.call("add", [1, 1]), 2, "afterwards")
    host.end_input()
    same(host.ends(), ("", ""), "it says")


@case
def framing_limits(stage):
    """custom framing: a length beyond the limit, and an input that ends within a message, end the stream"""
    host, talk = stage.talk("3_advanced/custom-framing", frame=native, read=read_native)
    largest = 1024 * 1024
    around = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":["', b'"]}'
    host.pipe.write(native((b"x" * (largest - len(b"".join(around)))).join(around)))
    check("result" in talk.receive(), "a message as large as may be")
    host.pipe.write(struct.pack("=I", largest + 1))
    check("error" in talk.receive(), "a length beyond the limit")
    same(host.ends(code=1), ("", "error: the message exceeds the limit\n"), "it says")
    for rest in (native(b'{"jsonrpc":"2.0"')[:-3], b"\0\0"):
        host, talk = stage.talk("3_advanced/custom-framing", frame=native, read=read_native)
        host.pipe.write(rest)
        host.end_input()
        same(host.ends(), ("", "error: the input ended inside a message\n"), "it says")


@case
def middleware(stage):
    """custom middleware: each connection may make so many requests, and more when time has passed"""
    path = stage.path("slow")
    program = stage.start("3_advanced/custom-middleware", path, 0.001, 3)
    for talk in (stage.connect(path), stage.connect(path)):
        same([talk.call("add", [n, n]) for n in range(3)], [0, 2, 4], "the first three")
        for _ in range(5):
            talk.notify("$/cancelRequest", {"id": 0})
        refused = talk.refusal("add", [1, 1])
        same((refused["code"], refused["message"]), (-32000, "too many requests"), "the fourth")
        check(900_000 < refused["data"]["retry_after_ms"] <= 1_000_000, f"the data: {refused}")
    program.signal()
    same(program.ends(), ("", ""), "it says")


@case
def middleware_refills(stage):
    """custom middleware: who waits as long as he was told is answered"""
    path = stage.path("slow")
    stage.start("3_advanced/custom-middleware", path, 2, 1)
    talk = stage.connect(path)
    answers = [talk.answer(id) for id in [talk.ask("add", [1, 1]) for _ in range(3)]]
    same(answers[0].get("result"), 2, "the first")
    time.sleep(answers[-1]["error"]["data"]["retry_after_ms"] / 1000)
    same(talk.call("add", [2, 2]), 4, "later")


# --- process pool ------------------------------------------------------------------------------------

LONG = {"below": 2_000_000_000}


def workers_when(talk, condition, what):
    def ask():
        states = talk.call("workers")
        return states if condition(states) else None

    return until(ask, what)


def all_up(states):
    return all(state["pid"] for state in states)


@case
def pool_spreads(stage):
    """process pool: work goes where the least is; cancelling reaches the workers"""
    pool, talk = stage.talk("3_advanced/process-pool", 3)
    states = workers_when(talk, all_up, "three workers")
    same(sorted(state["pid"] for state in states), sorted(pool.children()), "the workers")
    same(talk.call("countPrimes", [100]), 25, "the primes below 100")
    jobs = [talk.ask("countPrimes", LONG) for _ in range(6)]
    same([state["busy"] for state in talk.call("workers")], [2, 2, 2], "six jobs")
    same(talk.refusal("nothing")["code"], -32601, "what no worker knows")
    same(talk.refusal("countPrimes", {"below": "x"})["code"], -32602, "what a worker doesn't like")
    for id in jobs:
        talk.notify("$/cancelRequest", {"id": id})
    same([talk.answer(id)["error"]["code"] for id in jobs], [-32800] * 6, "cancelled jobs")
    same([state["busy"] for state in talk.call("workers")], [0, 0, 0], "no job")
    # Had a worker gone on with its jobs, it would be slow to end.
    pool.end_input()
    same(pool.ends(), ("", ""), "it says")
    check(all(gone(state["pid"]) for state in states), "workers are left")


@case
def pool_retries(stage):
    """process pool: a job whose worker is killed is done by another one; the worker comes back"""
    pool, talk = stage.talk("3_advanced/process-pool", 1)
    (before,) = workers_when(talk, all_up, "a worker")
    os.kill(before["pid"], signal.SIGSTOP)
    job = talk.ask("countPrimes", {"below": 1000})
    same(talk.call("workers")[0]["busy"], 1, "the job")
    os.kill(before["pid"], signal.SIGKILL)
    same(talk.answer(job)["result"], 168, "the primes below 1000")
    (after,) = talk.call("workers")
    check(after["pid"] not in (0, before["pid"]) and after["starts"] == 2, f"{before}, then {after}")
    pool.end_input()
    pool.ends()


@case
def pool_crash(stage):
    """process pool: a job that kills its worker fails once, and costs nobody else anything"""
    pool, talk = stage.talk("3_advanced/process-pool", 2)
    workers_when(talk, all_up, "two workers")
    for starts in (3, 4, 5):
        refused = talk.refusal("crash")
        same((refused["code"], refused["message"]), (-32010, "the worker died"), "a crash")
        same(talk.call("countPrimes", [100]), 25, "meanwhile")
        workers_when(talk, lambda states: all_up(states) and sum(s["starts"] for s in states) == starts, "restarts")
    pool.signal()
    same(pool.ends(), ("", ""), "it says")


@case
def pool_end(stage):
    """process pool: SIGTERM ends it with its workers, also one that hangs"""
    pool, talk = stage.talk("3_advanced/process-pool", 2)
    states = workers_when(talk, all_up, "two workers")
    talk.ask("countPrimes", LONG)
    talk.call("workers")
    os.kill(states[0]["pid"], signal.SIGSTOP)
    pool.signal()
    pool.ends()
    until(lambda: all(gone(state["pid"]) for state in states), "the workers' end")


# --- debug adapter -----------------------------------------------------------------------------------


class Debugger:
    """A client of the Debug Adapter Protocol. Checks the envelope of all that comes."""

    def __init__(self, stage):
        self.program = stage.start("3_advanced/debug-adapter")
        self.pipe = self.program.pipe
        self.seq = self.heard = 0

    def send(self, type, **members):
        self.seq += 1
        self.pipe.write(header(json.dumps({"seq": self.seq, "type": type, **members}).encode()))
        return self.seq

    def request(self, command, **arguments):
        return self.send("request", command=command, **({"arguments": arguments} if arguments else {}))

    def receive(self):
        message = json.loads(read_header(self.pipe))
        self.heard += 1
        same(message["seq"], self.heard, f"the number of {message}")
        return message

    def response(self, seq, command, success):
        message = self.receive()
        same({name: message.get(name) for name in ("type", "request_seq", "command", "success")},
             {"type": "response", "request_seq": seq, "command": command, "success": success}, "a response")
        return message

    def call(self, command, **arguments):
        return self.response(self.request(command, **arguments), command, True).get("body")

    def refused(self, command, **arguments):
        return self.response(self.request(command, **arguments), command, False)["message"]

    def event(self, name):
        message = self.receive()
        same((message["type"], message.get("event")), ("event", name), f"an event: {message}")
        return message.get("body")

    def printed(self, text):
        same(self.event("output"), {"category": "stdout", "output": text + "\n"}, "output")

    def stopped(self, reason, line):
        same(self.event("stopped"), {"reason": reason, "threadId": 1, "allThreadsStopped": True}, "the stop")
        (frame,) = self.call("stackTrace", threadId=1)["stackFrames"]
        same(frame["line"], line, f"the line in {frame}")

    def begin(self, path, *lines, **more):
        able = self.call("initialize", adapterID="lines", linesStartAt1=True)
        check(able["supportsConfigurationDoneRequest"], able)
        self.event("initialized")
        self.call("launch", program=path, noDebug=False, **more)
        body = self.call("setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines])
        same(body["breakpoints"], [{"verified": True, "line": line} for line in lines], "breakpoints")

    def terminated(self):
        same(self.event("exited"), {"exitCode": 0}, "the exit code")
        self.event("terminated")

    def disconnect(self):
        self.call("disconnect", restart=False)
        same(self.program.ends(), ("", ""), "it says")


@case
def debugging(stage):
    """debug adapter: a session with breakpoints and steps, in DAP's envelope and order"""
    debugger = Debugger(stage)
    debugger.begin(stage.file("program", "one\ntwo\nthree\nfour\nfive\n"), 3)
    debugger.call("setBreakpoints", source={"path": stage.path("another")}, breakpoints=[{"line": 2}])
    debugger.call("configurationDone")
    debugger.printed("one")
    debugger.printed("two")
    debugger.stopped("breakpoint", 3)
    same(debugger.call("threads"), {"threads": [{"id": 1, "name": "main"}]}, "threads")
    same(debugger.call("scopes", frameId=1), {"scopes": []}, "scopes")
    debugger.call("next", threadId=1)
    debugger.printed("three")
    debugger.stopped("step", 4)
    same(debugger.call("continue", threadId=1), {"allThreadsContinued": True}, "continue")
    debugger.printed("four")
    debugger.printed("five")
    debugger.terminated()
    check("no program" in debugger.refused("continue", threadId=1), "it runs again")
    debugger.disconnect()


@case
def debugging_pause(stage):
    """debug adapter: it stops on entry, pauses while it runs, and is ended in the midst of it"""
    debugger = Debugger(stage)
    debugger.begin(stage.file("program", "tick\n" * 500000), stopOnEntry=True)
    debugger.call("pause", threadId=1)  # there is nothing to pause
    debugger.call("configurationDone")
    debugger.stopped("entry", 1)
    debugger.call("continue", threadId=1)
    debugger.printed("tick")
    again, seq = debugger.request("continue", threadId=1), debugger.request("pause", threadId=1)
    lines, responses = 1, []
    while True:
        message = debugger.receive()
        if message["type"] == "response":
            responses.append((message["request_seq"], message["success"]))
        elif message["event"] == "stopped":
            break
        else:
            lines += 1
    same(responses, [(again, False), (seq, True)], "while it runs it may be paused, not continued")
    same(message["body"]["reason"], "pause", "the reason")
    check(lines < 500000, "it ran to its end")
    debugger.call("continue", threadId=1)
    debugger.program.end_input()
    debugger.program.ends()


@case
def debugging_bytes(stage):
    """debug adapter: a program whose output can't be JSON ends the session, instead of hanging"""
    debugger = Debugger(stage)
    path = stage.file("program", "one\n")
    with open(path, "ab") as program:
        program.write(b"\xff\n")
    debugger.begin(path)
    debugger.call("configurationDone")
    debugger.printed("one")
    debugger.program.ends()


@case
def debugging_failures(stage):
    """debug adapter: what can't be done is a response without success; what isn't DAP ends the connection"""
    debugger = Debugger(stage)
    debugger.call("initialize")
    debugger.event("initialized")
    path = stage.path("nothing")
    same(debugger.refused("launch", program=path), "no file " + path, "no file")
    check("program" in debugger.refused("launch"), "no program")
    check(debugger.refused("evaluate", expression="1"), "what it doesn't know")
    check(debugger.refused("configurationDone"), "nothing to run")
    same(debugger.call("cancel", requestId=1), None, "a request that was answered is cancelled")
    debugger.send("response", request_seq=1, success=True, command="x")  # to what it hasn't asked
    debugger.call("threads")
    debugger.pipe.write(header(b'{"jsonrpc":"2.0","id":1,"method":"threads"}'))
    same(debugger.program.ends(code=1)[0], "", "it says")
