"""R9, R10 and R12: what is JSON, how deep it may be, and what its strings mean."""

import json
import random

from connection import Failure, brief, check, check_error, check_result, is_response, parse, request, same
from harness import HEADERS, case
from messages import echo_of


# R9: more of what is not JSON


GOOD = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}'
INVALID = [
    ("a word", b"hello"), ("an unclosed object", b'{"jsonrpc":"2.0","id":1'), ("an unclosed string", b'"abc'),
    ("text behind the message", GOOD + b" x"), ("a NUL behind the message", GOOD + b"\x00"),
    ("a NUL ahead of the message", b"\x00" + GOOD), ("two messages in one frame", GOOD + GOOD),
    ("a comma behind the message", GOOD + b","), ("a brace behind the message", GOOD + b"}"),
    ("a trailing comma", echo_of(b"1,")), ("a comment", echo_of(b"1/*x*/")), ("a line comment", echo_of(b"1//x")),
    ("single quotes", echo_of(b"'a'")), ("a bare name", echo_of(b"a")), ("NaN", echo_of(b"NaN")),
    ("Infinity", echo_of(b"Infinity")), ("-Infinity", echo_of(b"-Infinity")), ("True", echo_of(b"True")),
    ("a leading zero", echo_of(b"01")), ("a plus sign", echo_of(b"+1")), ("no digit ahead of the point", echo_of(b".5")),
    ("no digit behind the point", echo_of(b"1.")), ("an exponent without digits", echo_of(b"1e")),
    ("a lone minus", echo_of(b"-")), ("hexadecimal", echo_of(b"0x1F")), ("a tab in a string", echo_of(b'"a\tb"')),
    ("a NUL in a string", echo_of(b'"a\x00b"')), ("a control character in a string", echo_of(b'"\x1f"')),
    ("an unknown escape", echo_of(b'"\\x41"')), ("a short escape", echo_of(b'"\\u12"')),
    ("an escape with other digits", echo_of(b'"\\u00g0"')), ("mismatched brackets", echo_of(b"[}")),
    ("a colon in an array", echo_of(b"1:2")), ("no colon in an object", echo_of(b'{"a" 1}')),
    ("a number as a name", echo_of(b"{1:2}")), ("a vertical tab as blank", echo_of(b"\x0b1")),
    ("a no-break space as blank", echo_of(b"\xc2\xa01")), ("a misspelt literal", echo_of(b"nulL")),
    ("a literal run on", echo_of(b"truefalse")),
    ("a fault in a member nobody asks for", GOOD[:-1] + b',"extra":[1,]}'),
    ("a fault in a notification", b'{"jsonrpc":"2.0","method":"update","params":[01]}'),
    ("a fault in the second of a batch", b"[" + GOOD + b',{"jsonrpc":"2.0","id":2,"method"}]'),
    ("a fault in a response", b'{"jsonrpc":"2.0","id":1,"result":tru}'),
]


@case("R9: {} is -32700 with id null, the connection kept", table=INVALID)
def _(t, body):
    connection = t.connect()
    connection.send(body)
    connection.expect_error(-32700, None, what=brief(body))
    connection.expect_alive("one answer")


@case("R9: blanks alone in a frame are -32700", framings=HEADERS)
def _(t):
    connection = t.connect()
    for body in (b" ", b"\r\n", b"\t \n"):
        connection.send(body)
        connection.expect_error(-32700)
    connection.expect_alive()


@case("R9: blanks around a message and inside it are allowed", framings=HEADERS)
def _(t):
    connection = t.connect()
    connection.send(
        b' \r\n\t{ "jsonrpc"\n:\t"2.0" ,\r"id" : 1 , "method" : "echo" , "params" : [ 1 , { } ] } \n\n'
    )
    check_result(connection.receive(), [1, {}], 1)


BAD_UTF8 = [
    ("a lone continuation byte", b"\x80"), ("0xFF", b"\xff"), ("0xC0 0x80 for NUL", b"\xc0\x80"),
    ("an overlong slash of two bytes", b"\xc0\xaf"), ("an overlong form of three bytes", b"\xe0\x80\xaf"),
    ("an overlong form of four bytes", b"\xf0\x80\x80\xaf"), ("a surrogate in UTF-8", b"\xed\xa0\x80"),
    ("a surrogate pair in UTF-8", b"\xed\xa0\xbd\xed\xb8\x80"), ("a point above U+10FFFF", b"\xf4\x90\x80\x80"),
    ("a form of five bytes", b"\xf8\x88\x80\x80\x80"), ("a cut form of two bytes", b"\xc3"),
    ("a cut form of three bytes", b"\xe2\x82"), ("a cut form of four bytes", b"\xf0\x9f\x98"),
    ("Latin-1", b"caf\xe9 au lait"), ("a cut form ahead of a quote", b"a\xf0\x9f"),
]


@case("R9: {} is -32700 wherever it stands, the connection kept", table=BAD_UTF8)
def _(t, piece):
    connection = t.connect()
    for prefix in (b"", b"a" * 13, b"b" * 61):  # where a block of a vectorised check may end
        connection.send(echo_of(b'"' + prefix + piece + b'"'))
        connection.expect_error(-32700, what=brief(piece))
    for body in (
        b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"%s":1}}' % piece,
        b'{"jsonrpc":"2.0","id":1,"method":"echo%s"}' % piece,
        b'{"jsonrpc":"2.0","id":"%s","method":"echo"}' % piece,
        b'{"jsonrpc":"2.0","id":1,"method":"echo","extra":"%s"}' % piece,
        b'{"jsonrpc":"2.0","method":"update","params":["%s"]}' % piece,
        b"[" + GOOD + b',{"jsonrpc":"2.0","method":"update","params":["%s"]}]' % piece,
    ):
        connection.send(body)
        connection.expect_error(-32700, what=brief(body))
    connection.send(GOOD[:-1] + piece + b"}")
    connection.expect_error(-32700, what="outside strings")
    connection.expect_alive()


@case("R9: UTF-16 is -32700, the connection kept", framings=HEADERS)
def _(t):
    connection = t.connect()
    for encoding in ("utf-16-le", "utf-16-be", "utf-16"):
        connection.send(GOOD.decode().encode(encoding))
        connection.expect_error(-32700, what=encoding)
    connection.expect_alive()


@case("R9: a byte order mark is stripped or -32700, the connection kept")
def _(t):
    connection = t.connect()
    connection.send(b"\xef\xbb\xbf" + GOOD)
    message = connection.receive()
    if "error" in message:
        check_error(message, -32700)
    else:
        check_result(message, [1], 1)
    connection.expect_alive()


@case("R9: a lone surrogate escape is -32700 or valid output, the connection kept")
def _(t):
    connection = t.connect()
    for piece in (b"\\ud800", b"\\udc00", b"\\ud800\\ud800", b"\\udc00\\ud800", b"\\ud83dx", b"\\ud83d\\n"):
        for body in (
            echo_of(b'"%s"' % piece),
            b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"%s":1}}' % piece,
            b'{"jsonrpc":"2.0","id":1,"method":"no%s"}' % piece,
            b'{"jsonrpc":"2.0","id":1,"method":"fail","params":{"code":1,"message":"%s","data":"%s"}}'
            % (piece, piece),
        ):
            connection.send(body)
            message = connection.receive()
            check(
                "result" in message or message["error"]["code"] in (-32700, -32600, -32601, -32602, 1),
                brief(message),
            )
    connection.expect_alive()


@case("R9: whole UTF-8 and each escape come back equal")
def _(t):
    connection = t.connect()
    points = [
        0x20,
        0x7F,
        0x80,
        0x7FF,
        0x800,
        0xFFF,
        0xD7FF,
        0xE000,
        0xFEFF,
        0xFFFD,
        0xFFFF,
        0x10000,
        0x1F600,
        0x10FFFF,
    ]
    value = "".join(map(chr, points))
    for shift in range(0, 70, 3):
        check(
            connection.result("echo", ["s" * shift + value]) == ["s" * shift + value],
            f"changed behind {shift} letters",
        )
    connection.send(echo_of(b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u20AC\\uD83D\\uDE00\\ufffe"'))
    check_result(connection.receive(), ['"\\/\b\f\n\r\t\0\x1fé€😀\ufffe'], 1)


MUTATED = [
    GOOD,
    b'{"jsonrpc":"2.0","id":"a\\u00e9\\n","method":"subtract","params":{"minuend":-12.5e+3,"subtrahend":0}}',
    '[{"jsonrpc":"2.0","id":7,"method":"echo","params":[{"é😀":null},[true,false],"\\ud83d\\ude00"]},{"jsonrpc":"2.0","method":"update"}]'.encode(),
    b' {"params" : [ 1.0E-2 , 0.1, 1e5, {} , [ ] , "" ] , "method" : "echo" , "id" : 18446744073709551615 , "jsonrpc" : "2.0" } ',
    b'{"jsonrpc":"2.0","id":5,"result":[1,{"a":"b"}]}',
]


def mutate(chance, body):
    """`body` with up to three bytes changed, doubled, dropped or moved."""
    body = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(body))
        kind = chance.randrange(5)
        if kind == 0:
            body[at] = chance.choice(b'"\\{}[],:.-+eE0159 \t\x00\x1f\x7f\x80\xbf\xc3\xe2\xf0\xffutnal')
        elif kind == 1:
            body[at] = chance.randrange(256)
        elif kind == 2:
            del body[at : at + chance.choice((1, 1, 2, 10))]
        elif kind == 3:
            body[at:at] = body[at : at + chance.choice((1, 2, 8))]
        else:
            body[at:at] = bytes([chance.randrange(256)])
        if not body:
            body = bytearray(b"0")
    return bytes(body)


def is_json(body):
    try:
        parse(body)
        return True
    except (Failure, RecursionError):
        return False


@case("R9: of two thousand mutated messages just those that are no JSON are -32700", seconds=60)
def _(t):
    connection = t.connect()
    chance = random.Random(9)
    for group in range(40):
        bodies = []
        while len(bodies) < 50:
            body = mutate(chance, chance.choice(MUTATED))
            if t.headers or (b"\n" not in body and body.strip(b" \t\r")):
                bodies.append(body)
        messages = []
        for number, body in enumerate(bodies):
            messages += [body, request("echo", [], f"marker {group} {number}")]
        connection.send(*messages, note=False)
        for number, body in enumerate(bodies):
            answers = []
            while True:
                answer = connection.receive()
                if isinstance(answer, dict) and answer["id"] == f"marker {group} {number}":
                    break
                answers.append(answer)
            check(len(answers) <= 1, f"{brief(body, 400)}: {len(answers)} answers: {brief(answers)}")
            refused = answers and isinstance(answers[0], dict) and answers[0].get("error", {}).get("code") == -32700
            if is_json(body):
                surrogate = b"\\ud" in body.lower()  # a lone one may be refused
                check(not refused or surrogate, f"{brief(body, 400)} is JSON, but: {brief(answers)}")
            else:
                check(refused, f"{brief(body, 400)} is no JSON, but: {brief(answers)}")
                check(answers[0]["id"] is None, f"id null was due: {brief(answers)}")


# R10


def nested(depth, open_=b"[", close=b"]", core=b""):
    return open_ * depth + core + close * depth


@case("R10: a hundred levels work, in parameters and in a batch")
def _(t):
    connection = t.connect()
    for open_, close, core in ((b"[", b"]", b""), (b'{"a":', b"}", b"1"), (b'[{"a":', b"}]", b"null")):
        depth = 100 // len(close)
        value = nested(depth, open_, close, core)
        body = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":' + value + b"}"
        connection.send(body)
        check_result(connection.receive(), json.loads(value), 1)
        connection.send(b"[" + body + b"]")
        answer = connection.receive()
        check(isinstance(answer, list) and len(answer) == 1, f"a batch of one gave {brief(answer)}")
        check_result(answer[0], json.loads(value), 1)


DEEP = [
    ("a hundred thousand arrays", nested(100_000)),
    ("a million arrays", nested(1_000_000)),
    ("a million objects", nested(1_000_000, b'{"a":', b"}", b"1")),
    ("a million arrays never closed", b"[" * 1_000_000),
    ("a million arrays and objects", nested(500_000, b'[{"":', b"}]", b"0")),
    ("six million arrays", nested(6_000_000)),
]


@case("R10: {} are -32700 and the connection stays", table=DEEP, seconds=60)
def _(t, value):
    server = t.start()
    connection = server.connect()
    connection.expect_alive()
    for body in (
        b'{"jsonrpc":"2.0","id":1,"method":"echo","params":' + value + b"}",
        b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[],"extra":' + value + b"}",
        b'{"jsonrpc":"2.0","id":' + value + b',"method":"echo"}',
        value,
    ):
        connection.send(body, note=False)
        connection.expect_error(-32700, None)
    connection.expect_alive()
    connection.send(b'{"jsonrpc":"2.0","id":5,"result":' + value + b"}", note=False)
    connection.send(request("echo", [], "after"))
    message = connection.receive()
    if message["id"] is None:
        check_error(message, -32700)
        message = connection.receive()
    check_result(message, [], "after")


# R12


@case("R12: U+0000 in strings and names is data")
def _(t):
    connection = t.connect()
    value = {"a\0b": "c\0d", "\0": "\0", "": "\0\0end"}
    check(same(connection.result("echo", value), value), "a value with NULs changed")
    check_error(connection.call("echo\0"), -32601, connection._next_id)
    check_error(connection.call("echo\0x"), -32601, connection._next_id)
    check_error(connection.call("\0echo"), -32601, connection._next_id)
    for id in ("a\0b", "\0", "a\0"):
        check_result(connection.call("echo", [1], id), [1], id)
    message = connection.call("subtract", {"minuend\0": 3, "subtrahend": 1})
    check_error(message, -32602, message["id"])


@case("R12: ids that differ only behind a NUL are two ids")
def _(t):
    connection = t.connect()
    connection.request("sleep", {"ms": 60000}, "k\0a")
    check_result(connection.call("echo", [2], "k\0b"), [2], "k\0b")
    connection.notify("$/cancelRequest", {"id": "k\0b"})
    connection.expect_alive("the other id is cancelled")
    connection.notify("$/cancelRequest", {"id": "k\0a"})
    connection.expect_error(-32800, "k\0a")


@case("R12: member names are case-sensitive")
def _(t):
    connection = t.connect()
    connection.send(b'{"jsonrpc":"2.0","id":1,"Method":"echo","params":[1]}')
    expect_invalid(connection, 1)
    connection.send(b'{"JSONRPC":"2.0","id":2,"method":"echo","params":[1]}')
    expect_invalid(connection, 2)
    connection.send(b'{"jsonrpc":"2.0","ID":3,"method":"echo","params":[1]}')
    connection.expect_alive("a notification, as id is not ID")
    connection.send(b'{"jsonrpc":"2.0","id":4,"method":"echo","PARAMS":["wrong"]}')
    message = connection.receive()
    check(
        message["id"] == 4 and message.get("result") != ["wrong"],
        f"PARAMS was taken for params: {brief(message)}",
    )
    message = connection.call("subtract", {"Minuend": 5, "subtrahend": 2})
    check_error(message, -32602, message["id"])
    check_error(connection.call("Echo", [1], 5), -32601, 5)
    check_error(connection.call("SUBTRACT", [1, 2], 6), -32601, 6)


def expect_invalid(connection, id):
    """-32600 with the id or, where none can be trusted, null."""
    message = connection.receive()
    check_error(message, -32600, message.get("id"))
    check(message["id"] is None or same(message["id"], id), f"id {id} or null was due: {brief(message)}")


@case("R12: names and values written with escapes mean the same")
def _(t):
    connection = t.connect()
    connection.send(
        b'{"json\\u0072pc":"2\\u002e0","\\u0069d":1,"m\\u0065thod":"ech\\u006f","p\\u0061rams":["\\u0061"]}'
    )
    check_result(connection.receive(), ["a"], 1)
    connection.send(
        b'{"jsonrpc":"2.0","id":2,"method":"subtract","params":{"minu\\u0065nd":5,"subtr\\u0061hend":3}}'
    )
    check_result(connection.receive(), 2, 2)
    connection.send(b'{"jsonrpc":"2.0","id":"\\u0061\\/b","method":"echo","params":[]}')
    check_result(connection.receive(), [], "a/b")


@case("R12: repeated members have one interpretation and one answer")
def _(t):
    connection = t.connect()
    connection.send(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"echo","params":[1]}')
    message = connection.receive()
    if "error" in message:
        check_error(message, (-32600, -32700), message["id"])
    else:
        check(message["id"] in (1, 2), brief(message))
    connection.expect_alive("one answer")
    connection.send(b'{"jsonrpc":"2.0","id":3,"method":"no","method":"echo","params":[1],"params":[2]}')
    message = connection.receive()
    check(is_response(message), brief(message))
    connection.expect_alive("one answer")


@case("R12: unknown members of a request are ignored")
def _(t):
    connection = t.connect()
    connection.send(
        b'{"x":{"method":"no","id":[9]},"jsonrpc":"2.0","id":1,"trace":[1],"method":"echo","params":[1],"meta":null}'
    )
    check_result(connection.receive(), [1], 1)


@case("R9: what the server itself writes about bad input is UTF-8 and JSON")
def _(t):
    connection = t.connect()
    for method in ("\x7f\x01\x1f", "😀\u2028", 'quote"back\\slash', "x" * 5000):
        connection.send(request(method, [], 1))
        connection.expect_error(-32601, 1)
