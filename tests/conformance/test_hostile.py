"""The table of hostile peers in docs/security.md: each row's error, whether the connection goes on, and how
much memory it may move. What a row means in every detail is in the themes; here each has its ceiling."""

import os
import time

from connection import check, check_error, check_result, encode, request
from harness import HEADERS, LINES, LISTENERS, STDIO, TCP, UNIX, case
from hostile import ENDS, GOES_ON, NONE, PAUSES, ROWS, hostile
from messages import ECHO, LONG, REJECT, WAIT, cancel, content_length, echo_of, expect_echo, headed
from process import eventually
from test_load import repeated

MIB = 1 << 20
HERE = os.path.dirname(os.path.abspath(__file__))


class Counter:
    """Counts the answers that have the first mark, and how often each other one comes, without looking at them."""

    def __init__(self, connection, *marks):
        self.connection = connection
        self.seen = dict.fromkeys(marks, 0)
        self.first = marks[0]
        self.keep = max(map(len, marks)) - 1  # bytes at the end that may be the beginning of a mark

    def count(self):
        inbox = self.connection.inbox
        done = max(0, len(inbox) - self.keep)
        for mark in self.seen:
            self.seen[mark] += inbox.count(mark, 0, done + len(mark) - 1)
        del inbox[:done]

    def send(self, data):
        """In pieces, so that what comes is not gathered."""
        for at in range(0, len(data), MIB):
            self.connection.send_raw(data[at : at + MIB], note=False)
            self.count()

    def expect(self, due, seconds=30, closing=b"}}"):
        """So many have come, and nothing follows the end of the last, which is `closing`."""
        deadline = time.monotonic() + seconds * self.connection.scale
        closing += b"\n" if self.connection.framing == "newline" else b""
        self.count()
        while self.seen[self.first] < due or not self.connection.inbox.endswith(closing):
            check(self.connection.fill(deadline), f"{self.seen} came, {due} answers were due")
            self.count()
        check(self.seen[self.first] == due, f"{self.seen} came, {due} answers were due")
        self.connection.inbox.clear()


# Frames


@hostile("a huge Content-Length", "-32600", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(b"Content-Length: 1000000000000000000\r\n\r\n{")
    a.refused()


@hostile("a negative Content-Length", "-32700", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(headed(b"Content-Length: -5"), tolerate=True)
    a.refused()


@hostile("two different Content-Lengths", "-32700", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(headed(content_length(), b"Content-Length: 7"), tolerate=True)
    a.refused()


@hostile("a Content-Length that overflows", "-32700", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(headed(b"Content-Length: %d" % (2**64 + len(ECHO))), tolerate=True)
    a.refused()


@hostile("a header that never ends", "-32600", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(b"X-Flood: aaaaaaaaaaaaaaaaaaaaa\r\n" * 100_000, tolerate=True)
    a.refused()


@hostile("a line that never ends", "-32600", ENDS, 20, framings=LINES)
def _(a):
    a.peer.send_raw(b'["' + b"a" * (40 * MIB), tolerate=True)
    a.refused()


@hostile("a slow drip of bytes, with a time limit", "-32600", ENDS, 4, options=("--message-timeout", 800))
def _(a):
    peers = [a.peer] if a.t.stdio else [a.server.connect() for _ in range(100)]
    message = peers[0].frame(request("echo", ["x" * 1000], 1))
    started = time.monotonic()
    for at in range(12):
        for peer in peers:
            peer.send_raw(message[at : at + 1], note=False, tolerate=True)
        time.sleep(0.02)
    for peer in peers:
        peer.expect_error(a.codes, None, 10, a.row.label)
        peer.expect_closed()
    check(time.monotonic() - started >= 0.7, "refused before its time")


@hostile("messages framed the other way", "-32700", ENDS, 1, framings=HEADERS)
def _(a):
    a.peer.send_raw(encode(request("bump")) + b"\n" + ECHO + b"\n", tolerate=True)
    a.refused()
    if not a.t.stdio:
        check(a.server.connect().result("count") == 0, "a message in another framing was executed")


@hostile("messages framed the other way, to lines", "-32700", GOES_ON, 1, framings=LINES)
def _(a):
    a.peer.send_raw(headed(content_length()) + headed(content_length()) + b"\n")
    # The first header; the first message with the second header behind it; the second message stands alone.
    a.error()
    a.error()
    expect_echo(a.peer)


SMUGGLED = encode(request("bump"))
SMUGGLING = [
    headed(b"X-A: b\rContent-Length: %d" % len(SMUGGLED), content_length(), body=SMUGGLED),
    headed(b"X-A: b", b" Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    headed(b"X-A: b\0", content_length(SMUGGLED), body=SMUGGLED),
    headed(b"Content-Length: 2\r", body=b"{}" + headed(content_length(SMUGGLED), body=SMUGGLED)),
    headed(b"Content-Length: 5", b"Content-Length: 5, %d" % len(SMUGGLED), body=SMUGGLED),
    headed(b"Transfer-Encoding: chunked", b"Content-Length : %d" % len(SMUGGLED), body=SMUGGLED),
]


@hostile("a second message smuggled in by CR, LF, NUL or folded lines", "-32700", ENDS, 1, transports=TCP, framings=HEADERS)
def _(a):
    inner = "\r\n\r\n" + headed(content_length(SMUGGLED), body=SMUGGLED).decode()
    check(a.peer.result("echo", [inner]) == [inner], "a frame in a string is no string any more")
    for data in SMUGGLING:
        peer = a.server.connect()
        peer.send_raw(data, tolerate=True)
        peer.expect_refused(repr(data), a.codes)
    check(a.peer.result("count") == 0, "a smuggled message was executed")


# JSON


@hostile("16 MiB of [", "-32700", GOES_ON, 20)
def _(a):
    a.peer.send(b"[" * (16 * MIB), note=False)
    a.error()


@hostile("nesting 100,000 deep", "-32700", GOES_ON, 3)
def _(a):
    for open_, close in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = open_ * 100_000 + b"1" + close * 100_000
        for body in (deep, echo_of(deep)):
            a.peer.send(body, note=False)
            a.error()


@hostile("invalid UTF-8", "-32700", GOES_ON, 1)
def _(a):
    for piece in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
        for body in (echo_of(b'"%s"' % piece), b'{"jsonrpc":"2.0","id":"%s","method":"echo"}' % piece):
            a.peer.send(*[body] * 200, note=False)
            for _n in range(200):
                a.error()


@hostile("lone surrogates", "-32700", GOES_ON, 1)
def _(a):
    for piece in (b"\\ud800", b"\\udc00", b"\\ud800\\ud800", b"\\udc00\\ud800"):
        for body in (echo_of(b'"%s"' % piece), b'{"jsonrpc":"2.0","id":1,"method":"%s"}' % piece):
            a.peer.send(body)
            a.error()


@hostile("NUL bytes", "-32700", GOES_ON, 1)
def _(a):
    for body in (b"\0" * 1000, echo_of(b'"\0"'), ECHO + b"\0", b"\0" + ECHO, b'{"jsonrpc":"2.0","id":1,"method":"echo\0"}'):
        a.peer.send(body)
        a.error()
    check(a.peer.result("echo", ["\0"]) == ["\0"], "an escaped NUL is data")


@hostile("1e999999, and numbers of 400 digits", "-32700 -32602", GOES_ON, 1)
def _(a):
    for number in (b"1e999999", b"-1e999999", b"9" * 400, b"-" + b"9" * 400):
        for body in (echo_of(number), b'{"jsonrpc":"2.0","id":1,"method":"sum","params":[%s]}' % number):
            a.peer.send(body)
            message = a.peer.receive()
            check_error(message, a.codes, message["id"])


@hostile("members that come twice", NONE, GOES_ON, 1)
def _(a):
    a.peer.send(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"no","method":"echo","params":[1],"params":[2]}')
    check_result(a.peer.receive(), [2], 2)
    a.peer.send(echo_of(b'{"a":1,"a":2}'))
    check_result(a.peer.receive(), [{"a": 2}], 1)


@hostile("a byte order mark", "-32700", GOES_ON, 1)
def _(a):
    a.peer.send(b"\xef\xbb\xbf" + ECHO)
    a.error()


# Batches


@hostile("a batch of ten million members", "-32600", GOES_ON, 24, options=("--max-message-bytes", 32 * MIB), transports=TCP)
def _(a):
    a.peer.send(b"[" + b"1," * 9_999_999 + b"1]", note=False)
    a.error()


@hostile("batches of ten thousand notifications, one after another", NONE, GOES_ON, 2, transports=UNIX, framings=HEADERS)
def _(a):
    batch = a.peer.frame(b"[" + b",".join([b'{"jsonrpc":"2.0","method":"x"}'] * 10_000) + b"]")
    rounds = int(os.environ.get("ANTIPHON_HOSTILE_BATCHES", "50"))
    a.t.note(f"{rounds} batches of 10,000 members; ANTIPHON_HOSTILE_BATCHES=1000 for ten million")
    for _n in range(rounds):
        a.peer.send_raw(batch, note=False)


@hostile("unfinished batches of a request and a fault, sixty thousand", "-32000", GOES_ON, 32, transports=UNIX)
def _(a):
    # While a call of ours waits, reading goes on for its answer, however much is queued.
    a.peer.request("call_back", {"method": "m", "params": []}, "first")
    called = a.peer.receive()
    faults, refused = b"The message is not an object", b'"code":-32000'
    counter = Counter(a.peer, faults, refused)
    counter.send(b"".join(a.peer.frame([request("sleep", LONG, id), 1]) for id in range(60_000)))
    a.check_memory()
    a.peer.send({"jsonrpc": "2.0", "id": called["id"], "result": 7})
    counter.send(b"".join(a.peer.frame(cancel(id)) for id in range(60_000)))
    counter.expect(60_000, closing=b"}]")
    check(counter.seen[refused] > 20_000, f"only {counter.seen[refused]} were refused")


# Ids and requests


@hostile("a million requests that are never answered", NONE, PAUSES, 8, options=("--max-in-flight", 8, *WAIT), transports=TCP)
def _(a):
    data = repeated(a.peer, request("sleep", LONG, 1), 1_000_000)[0]
    taken = a.peer.send_until_stalled(data, 0.7)
    check(taken < len(data), "the server took all of it")
    check(not a.peer.fill(time.monotonic()), "something was answered")


@hostile("requests beyond the limit, which are turned away, 300,000", "-32000", GOES_ON, 16, options=("--max-in-flight", 8, *REJECT), transports=UNIX)
def _(a):
    a.peer.send(*(request("sleep", LONG, id) for id in range(8)))
    counter = Counter(a.peer, b'"code":-32000')
    counter.send(repeated(a.peer, request("sleep", LONG, 1), 300_000)[0])
    counter.expect(300_000)
    for id in range(8):
        a.peer.send(cancel(id))
        a.peer.expect_error(-32800, id)


@hostile("calls of ours that are never answered", NONE, PAUSES, 64, options=("--max-in-flight", 8, *WAIT), transports=TCP)
def _(a):
    call = {"method": "client/method", "params": ["c" * 1000]}
    data = memoryview(repeated(a.peer, request("call_back", call, 0), 100_000)[0])
    sent, deadline = 0, time.monotonic() + a.t.seconds(30)
    while time.monotonic() < deadline:
        count = a.peer.send_until_stalled(data[sent : sent + MIB], 0.3)
        sent += count
        while a.peer.fill(time.monotonic()):
            a.peer.inbox.clear()
        if count == 0:
            break
    check(count == 0, "the server goes on for ever")


@hostile("a peer that never reads", NONE, PAUSES, 24)
def _(a):
    taken = a.peer.send_until_stalled(repeated(a.peer, request("echo", ["x" * 10_000], 0), 10_000)[0], 1.0)
    check(taken < 100 * MIB, "the server took all of it")


@hostile("requests that are refused, from a peer that owes us an answer and never reads", NONE, PAUSES, 40, transports=UNIX)
def _(a):
    # Its answer may be behind them, so more of them is read than from a peer that owes nothing.
    a.peer.send(request("call_back", {"method": "m", "params": []}, "first"))
    data = repeated(a.peer, request("none", id=0), 1_000_000)[0]
    taken = a.peer.send_until_stalled(data, 1.0)
    check(taken < len(data), "the server took all of it")
    moved = a.server.peak() - a.before
    check(moved > 24 * MIB, f"only {moved / MIB:.1f} MiB of refusals were put by")


@hostile("cancellations of nothing, half a million", NONE, GOES_ON, 1, transports=TCP)
def _(a):
    a.peer.send_raw(a.peer.frame(cancel(7)) * 500_000, note=False)


@hostile("requests that are cancelled at once, a hundred thousand", "-32800", GOES_ON, 16, transports=UNIX)
def _(a):
    counter = Counter(a.peer, b'"code":-32800')
    counter.send(b"".join(a.peer.frame(request("sleep", LONG, id)) + a.peer.frame(cancel(id)) for id in range(100_000)))
    counter.expect(100_000)


@hostile("half a million notifications", NONE, GOES_ON, 1, transports=TCP)
def _(a):
    a.peer.send_raw(a.peer.frame(request("bump")) * 250_000, note=False)
    a.peer.send_raw(a.peer.frame(request("$/unknown", {})) * 250_000, note=False)
    check(a.peer.result("count", seconds=20) == 250_000, "a notification was lost")


@hostile("an id in use, a hundred thousand times", "-32600", GOES_ON, 16, transports=UNIX)
def _(a):
    a.peer.send(request("sleep", LONG, 7))
    counter = Counter(a.peer, b'"id":7,"error":{"code":-32600')
    counter.send(a.peer.frame(request("echo", ["second"], 7)) * 100_000)
    counter.expect(100_000)
    a.peer.send(cancel(7))
    a.peer.expect_error(-32800, 7)


@hostile("replies to ids never used, half a million", NONE, GOES_ON, 1, transports=TCP)
def _(a):
    a.peer.send_raw(a.peer.frame({"jsonrpc": "2.0", "id": 4711, "result": "x"}) * 250_000, note=False)
    a.peer.send_raw(a.peer.frame({"jsonrpc": "2.0", "id": "a", "error": {"code": 1, "message": ""}}) * 250_000, note=False)


@hostile("ids of 1 MiB", NONE, GOES_ON, 64)
def _(a):
    id = "i" * (MIB - 2)  # with its quotes just what is allowed
    check_result(a.peer.call("echo", [1], id), [1], id)
    for number in range(40):
        a.peer.send(request("sleep", {"ms": 1}, f"{number:06d}" + id[6:]), note=False)
    for _n in range(40):
        check("result" in a.peer.receive(20), "it was refused")


@hostile("ids over 1 MiB", "-32600", GOES_ON, 4)
def _(a):
    for _n in range(10):
        a.peer.send(request("echo", [1], "i" * (MIB - 1)), note=False)
        a.error()


@hostile("method names of 1 MiB", "-32601", GOES_ON, 4)
def _(a):
    for _n in range(10):
        a.peer.send(request("m" * MIB, [1], 1), request("n" * MIB), note=False)
        answer = a.error(1)
        check(len(encode(answer)) < 1000, "the error repeats the name")


# Connections


@hostile("a flood of connections, with a limit of 50", NONE, GOES_ON, 4, transports=LISTENERS, options=("--max-connections", 50))
def _(a):
    descriptors = a.server.descriptors()
    flood = [a.server.connect() for _n in range(500)]
    for number, peer in enumerate(flood):
        peer.send(request("echo", [number], 1), note=False)
    for number in range(49):
        check_result(flood[number].receive(), [number], 1)
    a.peer.expect_alive()
    check(a.server.descriptors() <= descriptors + 49, f"{a.server.descriptors()} descriptors are open")
    check(not flood[60].fill(time.monotonic()), "more connections are served than the limit says")
    for number in range(49):
        flood[number].close()
    for number in range(49, 98):
        check_result(flood[number].receive(), [number], 1)
    for peer in flood[49:]:
        peer.close()


@hostile("half-open connections, with a time limit", NONE, ENDS, 4, transports=LISTENERS, options=("--idle-timeout", 700))
def _(a):
    descriptors = a.server.descriptors()
    silent = [a.server.connect() for _n in range(100)]
    for number, peer in enumerate(silent):
        if number % 2:
            peer.send_raw(b"Content-Le" if a.t.headers else b'{"json', note=False, tolerate=True)
    a.server.expect_serving()
    for peer in silent:
        peer.expect_closed()
    eventually(lambda: a.server.descriptors() <= descriptors, a.t.seconds(5), "descriptors stay open")


# The page


@case("hostile: docs/security.md has this table, row for row", transports=STDIO, framings=HEADERS)
def _(t):
    with open(os.path.join(HERE, "..", "..", "docs", "security.md"), encoding="utf-8") as page:
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in page if line.startswith("|")]
    written = {cells[0]: cells[1:4] for cells in lines if len(cells) >= 4}
    for row in ROWS:
        due = [row.code.replace(" ", ", "), row.connection, f"{row.ceiling} MiB"]
        check(written.get(row.label) == due, f"{row.label!r}: {due} in the tests, {written.get(row.label)} on the page")
