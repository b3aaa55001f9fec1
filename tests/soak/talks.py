"""What clients do on a connection, each a function of its book; all of them settle what they asked for."""

import time

from connection import Failure

CANCELLED, METHOD_NOT_FOUND, OVERLOADED = -32800, -32601, -32000
SIZES = (1, 1, 10, 100, 1000, 8000)


def chat(book, busy=()):
    """Small and middling requests, a window of them open."""
    for _ in range(150):
        book.send(book.ask("echo", params := [book.last_id, "x" * book.random.choice(SIZES)], params, busy))
        book.settle(32)


def large(book, busy=()):
    """Megabytes, and small ones behind them."""
    for _ in range(3):
        text = ["y" * book.random.randrange(1 << 17, 2 << 20)]
        book.send(book.ask("echo", text, text, busy), *[book.ask("echo", [n], [n], busy) for n in range(5)])
        book.settle(6)


def batches(book, busy=()):
    for _ in range(10):
        members = [book.ask("echo", [n], [n], busy) for n in range(book.random.randrange(1, 20))]
        members.append(book.ask("no_such_method", [], None, (METHOD_NOT_FOUND, *busy)))
        if not busy:  # a server that rejects may drop a notification
            members.append(book.tell("bump", []))
        book.random.shuffle(members)
        book.send(members)
        book.settle(60)


def notify(book, busy=()):
    for _ in range(20):
        book.send(*[book.tell("bump" if not busy else "update", [n]) for n in range(10)],
                  book.ask("echo", ["behind"], ["behind"], busy))
    book.settle()


def cancel(book, busy=()):
    """Some that would take an hour, and some that are answered at about that time."""
    numbers = []
    for ms in (3_600_000, 1, 3_600_000, 2, 0):
        book.send(book.ask("sleep", [ms], ms, (CANCELLED, *busy)))
        numbers.append(book.last_id)
    if book.random.random() < 0.5:
        time.sleep(0.002)
    book.send(*[book.tell("$/cancelRequest", {"id": number}) for number in numbers])


def call_back(book, busy=()):
    """The server asks us, many times at once."""
    for n in range(40):
        book.send(book.ask("call_back", {"method": "whom", "params": [n]}, [n], busy))
        book.settle(16)


def burst(book, busy=()):
    """More at once than a server takes that rejects."""
    book.send(*[book.ask("sleep", [2], 2, busy) for _ in range(300)])


def read_late(book, busy=()):
    """A peer that doesn't read for a while."""
    book.send(*[book.ask("echo", text := ["z" * 1000, n], text, busy) for n in range(60)], read=False)
    time.sleep(0.2)


def end_input(book, busy=()):
    """Ends what it sends while it is answered."""
    book.send(*[book.ask("sleep", [3], 3, busy) for _ in range(20)])
    book.end()


def cut_off(book, busy=()):
    """Gone while it is answered."""
    book.send(*[book.ask("echo", ["x" * 500], codes=busy) for _ in range(20)],
              *[book.ask("sleep", [50], 50, busy) for _ in range(20)])
    book.cut(book.random.random() < 0.5)


def half_open(book, _busy=()):
    """Part of a message, and then nothing: the server must end it by itself."""
    book.connection.send_raw(book.connection.frame({"jsonrpc": "2.0", "method": "update", "params": ["h"]})[:-9])
    wait_for_end(book)


def silent(book, _busy=()):
    wait_for_end(book)


def wait_for_end(book):
    connection = book.connection
    if connection.receive_frame(30) is None:  # an error without an id may come first
        return
    if connection.receive_frame(30) is not None:
        raise Failure("a half-open connection was answered twice")


# On a connection that goes on afterwards, and at the end of one.
LASTING = (chat, chat, large, batches, notify, cancel, call_back, burst, read_late)
ENDING = (end_input, cut_off)
HALF_OPEN = (half_open, silent)
