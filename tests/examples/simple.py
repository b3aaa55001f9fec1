"""1_tutorial and 2_simple."""

import itertools
import os
import signal
import time

from stage import PATIENCE, case, check, gone, same, until


@case
def tutorial(stage):
    """tutorial: the client has the server add"""
    client = stage.start("1_tutorial/tutorial-client", stage.program("1_tutorial/tutorial-server"))
    said, errors = client.ends()
    same(said, "1 + 2 = 3\n", "the client says")
    same(errors, "the client has what it came for\n", "the server's log")


@case
def tutorial_server(stage):
    """tutorial: the server takes parameters by name and by position, and says what is wrong with them"""
    server, talk = stage.talk("1_tutorial/tutorial-server")
    same(talk.call("add", {"b": 2, "a": 40}), 42, "by name")
    same(talk.call("subtract", [42, 2]), 40, "by position")
    same(talk.refusal("subtract", {"from": 1})["code"], -32602, "one parameter is missing")
    server.end_input()
    server.ends()


# --- chat --------------------------------------------------------------------------------------------


def members(stage, path, *names):
    joined = []
    for name in names:
        talk = stage.connect(path)
        talk.call("join", [name])
        joined.append(talk)
    return joined


@case
def chat_programs(stage):
    """chat: what one types the other one prints"""
    path = stage.path("room")
    room = stage.start("2_simple/chat", path)
    stage.hang_up(stage.connect(path))  # it is open
    ben = stage.start("2_simple/chat", path, "ben")
    same(ben.line(), "* ben here, with 0 other(s)", "ben is told")
    anna = stage.start("2_simple/chat", path, "anna")
    same(anna.line(), "* anna here, with 1 other(s)", "anna is told")
    anna.type("hello\nGET / HTTP/1.1\n\xe9t\xe9\n")
    same([ben.line() for _ in range(3)], ["anna: hello", "anna: GET / HTTP/1.1", "anna: \xe9t\xe9"], "ben hears")
    ben.type("hello yourself\n")
    same(anna.line(), "ben: hello yourself", "anna hears")
    anna.end_input()
    same(anna.ends(), ("", ""), "anna's last words")
    room.signal()
    same(room.ends(), ("", ""), "the room says")
    same(ben.ends(), ("", ""), "ben's last words")
    check(not os.path.exists(path), "the socket is left behind")


@case
def chat_names(stage):
    """chat: a name is one member's, until he leaves; who hasn't one can't speak"""
    path = stage.path("room")
    stage.start("2_simple/chat", path)
    anna, nobody = members(stage, path, "anna")[0], stage.connect(path)
    same(nobody.refusal("say", ["boo"])["message"], "join first", "speaking without a name")
    same(nobody.refusal("join", [""])["message"], "a name, please", "no name")
    same(nobody.refusal("join", ["anna"])["message"], "the name is taken", "another's name")
    same(nobody.call("join", {"name": "ben"}), ["anna"], "who is there")
    same(nobody.refusal("join", ["carl"])["message"], "joined already", "a second name")
    stage.hang_up(anna)
    third = stage.connect(path)
    until(lambda: "result" in third.answer(third.ask("join", ["anna"])), "the name is free again")
    third.call("say", ["here again"])
    same(nobody.next_told()["params"], {"from": "anna", "text": "here again"}, "ben hears")


@case
def chat_slow(stage):
    """chat: a member who doesn't listen is shown out, and nobody else loses a line"""
    path = stage.path("room")
    room = stage.start("2_simple/chat", path)
    anna, ben, slow = members(stage, path, "anna", "ben", "slow")
    lines = [f"{number} " + "x" * 4000 for number in range(400)]
    began = time.monotonic()
    for line in lines:
        anna.call("say", [line])
        same(ben.next_told()["params"]["text"], line, "ben hears")
    check(time.monotonic() - began >= 2, "he was given no time")
    heard = slow.pipe.rest().count('"said"')
    check(8 < heard < len(lines), f"the slow one heard {heard} lines")
    names = (f"late {number}" for number in itertools.count())
    until(lambda: "slow" not in stage.connect(path).call("join", [next(names)]), "the slow one's leaving")
    others = stage.connect(path).call("join", ["last"])
    same(sorted(name for name in others if not name.startswith("late ")), ["anna", "ben"], "who is left")
    room.signal()
    room.ends()


@case
def chat_end(stage):
    """chat: SIGTERM ends the room at once, whoever listens or not"""
    path = stage.path("room")
    room = stage.start("2_simple/chat", path)
    anna, ben, slow = members(stage, path, "anna", "ben", "slow")
    nobody = stage.connect(path)
    nobody.refusal("say", ["boo"])
    while True:  # until the slow one's inbox is full, and her line waits for him
        line = anna.ask("say", ["x" * 4000])
        ben.next_told()
        if not anna.pipe.ready(0.2):
            break
        anna.answer(line)
    room.signal()
    began = time.monotonic()
    anna.answer(line)
    check(time.monotonic() - began < 1.9, "she waited until his two seconds were over")
    same(room.process.wait(PATIENCE), 0, "exit code")
    check(time.monotonic() - began < 0.25 * PATIENCE, "it took its time")
    for one in (anna, ben, nobody, slow):
        one.pipe.rest()


# --- job runner --------------------------------------------------------------------------------------


@case
def job(stage):
    """job runner: the client prints progress, then the result"""
    said, errors = stage.start("2_simple/job-runner", 200000).ends()
    *reports, result = said.splitlines()
    same(result, "17984 primes", "the result")
    percentages = [int(report.removesuffix(" %")) for report in reports]
    check(len(percentages) == 20 and percentages == sorted(set(percentages)), f"progress: {percentages}")
    same((percentages[-1], errors), (100, ""), "the last report, and complaints")


@case
def job_time(stage):
    """job runner: when the client's time is up there is no result"""
    said, errors = stage.start("2_simple/job-runner", 2000000000, 0.3).ends()
    same(said.splitlines()[-1], "no result: the call timed out", "it says")
    same(errors, "", "complaints")


@case
def job_interrupted(stage):
    """job runner: SIGINT ends the client and the server that it has started"""
    client = stage.start("2_simple/job-runner", 50000000)
    client.line()  # progress
    (server,) = client.children()
    client.signal(signal.SIGINT)
    client.ends()
    until(lambda: gone(server), "the server's end")


@case
def job_cancelled(stage):
    """job runner: a cancelled job ends, others go on; what is too much is refused"""
    server, talk = stage.talk("2_simple/job-runner")
    long = {"below": 50000000, "workDoneToken": 7}
    first = talk.ask("countPrimes", long)
    report = talk.next_told()
    same((report["method"], report["params"]), ("$/progress", {"token": 7, "value": {"percentage": 1}}), "progress")
    second = talk.ask("countPrimes", {"below": 1000})
    same(talk.answer(second)["result"], 168, "on the other thread")
    jobs = [talk.ask("countPrimes", {"below": 50000000}) for _ in range(18)]
    same(talk.answer(jobs[-1])["error"]["code"], -32000, "one too many")
    for id in (first, *jobs[:-1]):
        talk.notify("$/cancelRequest", {"id": id})
    for id in (first, *jobs[:-1]):
        same(talk.answer(id)["error"]["code"], -32800, "a cancelled job")
    same(talk.call("countPrimes", {"below": 10}), 4, "afterwards")
    server.end_input()
    server.ends()


# --- in an Asio program ------------------------------------------------------------------------------


@case
def asio_program(stage):
    """in an Asio program: the control socket sees and changes the ticker, and stops the program"""
    path = stage.path("control")
    program = stage.start("2_simple/in-asio-program", path)
    talk = stage.connect(path)
    same(talk.call("state")["interval"], 100, "the interval")
    same(talk.refusal("interval", [0])["code"], -32602, "no interval")
    talk.call("interval", [1])
    same(talk.call("state")["interval"], 1, "another interval")
    before = talk.call("state")["ticks"]
    until(lambda: talk.call("state")["ticks"] > before + 20, "twenty ticks")
    same(talk.call("stop"), "stopping", "stop")
    same(talk.pipe.rest(), "", "what follows the answer")
    said, errors = program.ends()
    check(said.endswith(" ticks\n") and int(said.split()[0]) > before + 20 and errors == "", f"{said!r}, {errors!r}")
    check(not os.path.exists(path), "the socket is left behind")


@case
def asio_program_signal(stage):
    """in an Asio program: SIGTERM ends it while somebody is connected; a socket in use is told"""
    path = stage.path("control")
    program = stage.start("2_simple/in-asio-program", path)
    talk = stage.connect(path)
    talk.call("state")
    other = stage.start("2_simple/in-asio-program", path)
    check("error: " in other.ends(code=1)[1], "the second program doesn't complain")
    program.signal()
    same(talk.pipe.rest(), "", "the end of the connection")
    same(program.ends()[1], "", "complaints")


# --- without Asio ------------------------------------------------------------------------------------

SILENT = "#!/bin/sh\nexec sleep 60\n"


@case
def facade(stage):
    """blocking facade: four threads add"""
    said, errors = stage.start("2_simple/blocking-facade", stage.program("1_tutorial/tutorial-server")).ends()
    same((said, errors), ("1 + 2 = 3, 1 - 2 = -1\nfour threads: 20200\n", ""), "it says")


@case
def facade_failures(stage):
    """blocking facade: no server, one that dies and one that says nothing are exceptions"""
    missing = stage.start("2_simple/blocking-facade", stage.path("nothing"))
    check("nothing" in missing.ends(code=1)[1], "no server")
    dying = stage.start("2_simple/blocking-facade", "/bin/true")
    check("error: " in dying.ends(code=1)[1], "a server that dies")
    silent = stage.start("2_simple/blocking-facade", stage.file("silent", SILENT, 0o755))
    server = until(silent.children, "the server")[0]
    check("timed out" in silent.ends(code=1)[1], "a server that says nothing")
    check(gone(server), "the server is left")


@case
def own_loop(stage):
    """own event loop: the score goes up to ten"""
    said, errors = stage.start("2_simple/own-event-loop", stage.program("1_tutorial/tutorial-server")).ends()
    same((said, errors), ("score: 10\n", ""), "it says")
    said, errors = stage.start("2_simple/own-event-loop", stage.path("nothing")).ends(code=1)
    check(said == "score: -1\n" and "nothing" in errors, f"no server: {said!r}, {errors!r}")


@case
def own_loop_signal(stage):
    """own event loop: it sleeps between its frames; SIGTERM ends it and its server while it waits"""
    program = stage.start("2_simple/own-event-loop", stage.file("silent", SILENT, 0o755))
    server = until(program.children, "the server")[0]
    before = program.naps()
    until(lambda: program.naps() > before + 20, "twenty frames and the sleep between them")
    program.signal()
    same(program.ends(), ("score: 0\n", ""), "it says")
    check(gone(server), "the server is left")
