"""R6: the same stream in other pieces."""

import json
import random
import time

from connection import brief, check, check_error, check_result, encode, request
from harness import HEADERS, LISTENERS, case
from messages import ECHO, content_length, headed

SESSION = [
    request("echo", {"k": "é😀\u2028", "n": [1, -2.5, True, None]}, 1),
    request("update", [1, 2]),
    b'{"jsonrpc":"2.0","id":2,"method":"echo","params":["\\u00e9\\ud83d\\ude00\\"\\\\]}"]}',
    b'{"jsonrpc":"2.0","id":3,"method":',
    [request("subtract", [5, 3], "s"), request("bump"), 1],
    request("none", id=4),
    b'[{"jsonrpc":"2.0","id":5,"method":"echo","params":[ [ ] ]}]',
]


def session_bytes(connection):
    data = b""
    for number, message in enumerate(SESSION):
        frame = connection.frame(message)
        if connection.framing == "newline":
            frame = (b"\r\n" if number % 2 else b"") + frame[:-1] + (b"\r\n" if number % 3 == 0 else b"\n")
        elif number % 2:
            frame = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n" + frame
        data += frame
    return data


def session_answers(connection):
    answers = []
    for _ in range(6):
        body = connection.receive_frame()
        check(body is not None, "the connection ended")
        answers.append(json.dumps(json.loads(body), sort_keys=True))
    return sorted(answers)


@case("R6: a session cut at each of its bytes gives the same answers", seconds=180)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    for cut in range(1, len(data)):
        connection.send_raw(data[:cut], note=False)
        connection.wait_consumed()
        connection.send_raw(data[cut:], note=False)
        parts = session_answers(connection)
        check(
            parts == whole,
            f"cut at {cut} ({brief(data[max(0, cut - 20):cut + 20])}): {parts} instead of {whole}",
        )
    connection.expect_alive()


@case("R6: a session sent byte by byte gives the same answers", seconds=180)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    for waits in (True, False):
        for position in range(len(data)):
            connection.send_raw(data[position : position + 1], note=False)
            if waits:
                connection.wait_consumed()
        check(session_answers(connection) == whole, "byte by byte, the answers differ")


@case("R6: a session sent in random pieces gives the same answers", seconds=180)
def _(t):
    connection = t.connect()
    data = session_bytes(connection)
    connection.send_raw(data)
    whole = session_answers(connection)
    chance = random.Random(20240607)
    stream, position = data * 40, 0
    while position < len(stream):
        piece = chance.choice((1, 2, 3, 7, 40, 300, 2000))
        connection.send_raw(stream[position : position + piece], note=False)
        position += piece
    answers = []
    for _ in range(40):
        answers += session_answers(connection)
    check(sorted(answers) == sorted(whole * 40), "in random pieces, the answers differ")


@case(
    "R6: a broken header cut at each of its bytes is refused all the same",
    framings=HEADERS,
    transports=LISTENERS,
)
def _(t):
    server = t.start()
    data = headed(b"X-A: b", b"Content-Length: 5abc")
    for cut in range(1, len(data) - len(ECHO)):
        connection = server.connect()
        connection.send_raw(data[:cut], tolerate=True)
        connection.wait_consumed()
        connection.send_raw(data[cut:], tolerate=True)
        message = connection.receive()
        check_error(message, (-32600, -32700), None, f"cut at {cut}")
        connection.expect_closed()
        connection.close()


@case("R6: a length counts bytes, not characters", framings=HEADERS)
def _(t):
    connection = t.connect()
    body = encode(request("echo", ["ééé😀"], 1))
    connection.send_raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    check_result(connection.receive(), ["ééé😀"], 1)
    characters = len(body.decode())
    connection.send_raw(
        b"Content-Length: %d\r\n\r\n%s" % (characters, body) + headed(content_length()), tolerate=True
    )
    connection.expect_error(-32700, None)
    connection.expect_refused("the rest of a body behind too short a length")


@case("R6: a message of 8 MiB in pieces of 64 bytes takes linear time", serial=True, seconds=60)
def _(t):
    connection = t.connect()
    connection.expect_alive()
    frame = connection.frame(request("update", ["u" * (8 << 20)]))
    started = time.monotonic()
    view = memoryview(frame)
    for position in range(0, len(frame), 64):
        connection.send_raw(view[position : position + 64], note=False)
    connection.expect_alive()
    taken = time.monotonic() - started
    check(taken < t.seconds(10), f"8 MiB in pieces of 64 bytes took {taken:.1f} s")


@case(
    "R6: a message of 8 MiB with line breaks or escapes throughout takes linear time", serial=True, seconds=60
)
def _(t):
    connection = t.connect()
    connection.expect_alive()
    started = time.monotonic()
    for unit in ("\\\\", '\\"', "é", "[],", '{"a":1},', "1,"):
        filling = unit.encode() * ((1 << 20) // len(unit.encode()))
        if unit.endswith(","):
            connection.send(b'{"jsonrpc":"2.0","method":"update","params":[%s0]}' % filling, note=False)
        else:
            connection.send(b'{"jsonrpc":"2.0","method":"update","params":["%s"]}' % filling, note=False)
        connection.expect_alive(f"a notification full of {unit}")
    taken = time.monotonic() - started
    check(taken < t.seconds(10), f"six messages of 1 MiB took {taken:.1f} s")
