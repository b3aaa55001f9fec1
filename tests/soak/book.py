"""The book of one connection: every request that was sent, and the one answer that it has to get."""

import random
import threading

from connection import ABSENT, Failure, brief, check, is_response, request, same

ANY = object()


class Totals:
    """What all books add up to."""

    NAMES = ("requests", "results", "errors", "cut", "notifications", "bumps", "connections", "called_back")

    def __init__(self):
        self.lock = threading.Lock()
        self.count = dict.fromkeys(self.NAMES, 0)

    def add(self, counts):
        with self.lock:
            for name, more in counts.items():
                self.count[name] += more

    def check_balance(self):
        count = self.count
        answered = count["results"] + count["errors"]
        check(count["requests"] == answered + count["cut"],
              f"{count['requests']} requests, but {answered} answers and {count['cut']} cut off by us")


class Book:
    """A connection under load. An answer that was not asked for, or that comes again, is a Failure."""

    def __init__(self, connection, totals, seed):
        self.connection, self.totals = connection, totals
        self.random = random.Random(seed)
        self.counts = dict.fromkeys(Totals.NAMES, 0)
        self.counts["connections"] = 1
        self.open = {}
        self.last_id = 0

    # Each of these is a message to be sent, alone or in a batch.

    def ask(self, method, params=ABSENT, result=ANY, codes=()):
        """A request. Its answer is this result, or an error with one of these codes."""
        self.last_id += 1
        self.counts["requests"] += 1
        self.open[self.last_id] = (method, result, codes)
        return request(method, params, self.last_id)

    def tell(self, method, params=ABSENT):
        self.counts["notifications"] += 1
        self.counts["bumps"] += method == "bump"
        return request(method, params)

    def echo(self, size, method="echo"):
        params = [self.last_id, "x" * size]
        return self.ask(method, params, params)

    def send(self, *messages, **settings):
        self.connection.send(*messages, note=False, **settings)

    def take(self, seconds=60):
        """Receives one message and enters it."""
        message = self.connection.receive(seconds)
        for one in message if isinstance(message, list) else [message]:
            if is_response(one):
                self.enter(one)
            elif "id" in one:
                # The server asks back what we told it to ask.
                self.counts["called_back"] += 1
                self.send({"jsonrpc": "2.0", "id": one["id"], "result": one.get("params")})

    def enter(self, message):
        number = message["id"]
        # A copy of an answer finds its request gone.
        check(number in self.open, f"an answer to no open request: {brief(message)}")
        method, result, codes = self.open.pop(number)
        if "result" in message:
            wrong = result is None or (result is not ANY and not same(message["result"], result))
            check(not wrong, f"{method}: a wrong result: {brief(message)}")
            self.counts["results"] += 1
        else:
            check(message["error"]["code"] in codes, f"{method}: an error that was not due: {brief(message)}")
            self.counts["errors"] += 1

    def settle(self, most_open=0):
        """Takes answers until no more than so many are missing."""
        while len(self.open) > most_open:
            self.take()

    def expect_silence(self):
        """Nothing came that was not asked for."""
        check(not self.connection.stash, f"nothing was due, but this came: {brief(self.connection.stash)}")

    def end(self):
        """Ends what it sends: what it asked for still comes, and then the end and nothing else."""
        self.connection.half_close()
        self.settle()
        self.expect_silence()
        self.connection.expect_closed(20)

    def cut(self, reset):
        """Ends the connection without waiting for what was asked."""
        self.counts["cut"] += len(self.open)
        self.open.clear()
        if reset and self.connection.sock is not None:
            self.connection.reset()
        else:
            self.connection.close()

    def close(self):
        self.connection.close()

    def enter_totals(self):
        if self.open:
            raise Failure(f"{len(self.open)} requests without an answer: {brief(list(self.open.items())[:3])}")
        self.totals.add(self.counts)
        self.counts = dict.fromkeys(Totals.NAMES, 0)
