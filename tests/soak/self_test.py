"""Whether a soak would notice what it looks for."""

import random

import talks
from book import Book, Totals
from connection import Failure
from halls import Listening
from watch import MAY_GROW, fit


class Scripted:
    """A connection on which these messages come."""

    def __init__(self, *messages):
        self.messages, self.stash, self.sock = list(messages), [], None

    def send(self, *_messages, **_settings):
        pass

    def receive(self, _seconds):
        if not self.messages:
            raise Failure("nothing more comes")
        return self.messages.pop(0)

    def half_close(self):
        pass

    def expect_closed(self, _seconds):
        if self.messages:
            raise Failure("another message where the connection was to close")

    def close(self):
        pass


class Echoing(Scripted):
    """A connection to a server that answers what it gets."""

    def __init__(self, late=()):
        super().__init__()
        self.late = late  # what comes after that

    def send(self, *messages, **_settings):
        self.messages += [result(one["id"], one["params"]) for one in messages]

    def half_close(self):
        self.messages += self.late


def result(number, value):
    return {"jsonrpc": "2.0", "id": number, "result": value}


def talk(*messages, codes=()):
    """Asks for an echo of [1] and of [2], and takes these messages."""
    book = Book(Scripted(*messages), Totals(), 1)
    book.send(book.ask("echo", [1], [1], codes), book.ask("echo", [2], [2], codes))
    for _ in messages:
        book.take()
    book.settle()
    book.enter_totals()
    book.totals.check_balance()
    return book.totals.count


def fails(*messages):
    return has_failed(lambda: talk(*messages))


def has_failed(what):
    try:
        what()
    except Failure:
        return True
    return False


def visit(*late):
    """A visit to a server of ours that goes well but for what comes late."""
    hall = Listening.__new__(Listening)
    hall.busy, hall.kinds, hall.connect = (), (talks.chat,), lambda: Echoing(late)
    hall.visit(Totals(), random.Random(1))


def ends_with(soak, step):
    """What it says has gone wrong when a worker does this."""
    worker = soak.work("worker", step)
    worker.start()
    worker.join()
    return soak.problems if soak.over.is_set() else []


def samples(leak):
    """Ten minutes of a server of 20 MiB with peaks of up to 8 MiB; `leak` is in bytes a second."""
    chance = random.Random(3)
    return [(t / 2, 20e6 + leak * t / 2 + chance.choice((0, 0, 0, 8e6 * chance.random()))) for t in range(1200)]


def grows(leak):
    growth, noise = fit(samples(leak))
    return growth > MAY_GROW + 3 * noise


CASES = [
    ("two answers in any order, and in a batch", lambda: talk(result(2, [2]), result(1, [1]))["results"] == 2
        and talk([result(1, [1]), result(2, [2])])["results"] == 2),
    ("an error that was due", lambda: talk(result(1, [1]), {"jsonrpc": "2.0", "id": 2, "error":
        {"code": -32000, "message": "x"}}, codes=(-32000,))["errors"] == 1),
    ("a lost answer is noticed", lambda: fails(result(1, [1]))),
    ("a doubled answer is noticed", lambda: fails(result(1, [1]), result(1, [1]), result(2, [2]))),
    ("a wrong answer is noticed", lambda: fails(result(1, [1]), result(2, [1]))),
    ("an error that was not due is noticed", lambda: fails(result(1, [1]), {"jsonrpc": "2.0", "id": 2, "error":
        {"code": -32603, "message": "x"}})),
    ("a server that answers everything once is visited without a word", lambda: visit() is None),
    ("what comes after the last answer is noticed", lambda: has_failed(lambda: visit(result(150, [0])))),
    ("peaks are no growth", lambda: not grows(0)),
    ("a leak of 5 KiB a second is noticed in ten minutes", lambda: grows(5 << 10)),
]


def run(soak_class):
    mistake = "a mistake of any kind in a worker ends the soak and is told"
    cases = [*CASES, (mistake, lambda: ends_with(soak_class({}, 1, 1), lambda _: {}[[]])
                      == ["worker: TypeError: unhashable type: 'list'"])]
    failed = [name for name, case in cases if not case()]
    for name in failed:
        print(f"FAILED {name}")
    print(f"{len(cases) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0
