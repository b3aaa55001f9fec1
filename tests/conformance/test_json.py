"""R9 to R12: what is JSON and what it means."""

import json
import math
import os
import random
import struct

from connection import brief, check, check_error, check_result, is_response, request, same
from harness import HEADERS, Skip, case

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITE = os.environ.get("ANTIPHON_JSON_TEST_SUITE", os.path.join(ROOT, "..", "shared", "json-test-suite"))


# R9: the JSON test suite, each file spliced raw into a request

def suite(prefix):
    if not os.path.isdir(SUITE):
        raise Skip("the JSON test suite is not at ../shared/json-test-suite")
    files = {}
    for name in sorted(os.listdir(SUITE)):
        if name.startswith(prefix):
            with open(os.path.join(SUITE, name), "rb") as file:
                files[name] = file.read()
    check(files, f"no {prefix} files in {SUITE}")
    return files


def spliced(data, id):
    return b'{"jsonrpc":"2.0","id":%d,"method":"echo","params":{"v":%s}}' % (id, data)


def over_suite(t, prefix, judge):
    """Sends each file inside a request and lets `judge` say what is wrong with the answer."""
    connection = t.connect()
    faults = []
    for id, (name, data) in enumerate(suite(prefix).items(), 1):
        if not t.headers and b"\n" in data:
            continue
        connection.send(spliced(data, id))
        answer = connection.receive()
        fault = judge(data, id, answer)
        if fault:
            faults.append(f"{name}: {brief(data)} {fault}: {brief(answer)}")
        connection.expect_alive(f"one answer to {name}")
    check(not faults, f"{len(faults)} files:\n" + "\n".join(faults))


@case("R9: each valid file of the JSON test suite comes back equal", seconds=60)
def _(t):
    def judge(data, id, answer):
        if "result" not in answer or not same(answer["id"], id):
            return "was refused"
        return None if same(answer["result"], {"v": json.loads(data)}) else "came back changed"

    over_suite(t, "y_", judge)


@case("R9: each invalid file of the JSON test suite is -32700 with id null, the connection kept", seconds=60)
def _(t):
    def judge(_data, _id, answer):
        error = answer.get("error", {})
        return None if error.get("code") == -32700 and answer["id"] is None else "was not -32700 with id null"

    over_suite(t, "n_", judge)


@case("R9: each undecided file of the JSON test suite gives valid output and keeps the connection", seconds=60)
def _(t):
    def judge(_data, id, answer):
        if "result" in answer:
            return None if same(answer["id"], id) else "got another id"
        return None if answer["error"]["code"] in (-32700, -32600, -32602) else "got an odd code"

    over_suite(t, "i_", judge)


# R9: more of what is not JSON

def params(text):
    return b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[' + text + b"]}"


GOOD = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}'
INVALID = [
    ("a word", b"hello"), ("an unclosed object", b'{"jsonrpc":"2.0","id":1'), ("an unclosed string", b'"abc'),
    ("text behind the message", GOOD + b" x"), ("a NUL behind the message", GOOD + b"\x00"),
    ("a NUL ahead of the message", b"\x00" + GOOD), ("two messages in one frame", GOOD + GOOD),
    ("a comma behind the message", GOOD + b","), ("a brace behind the message", GOOD + b"}"),
    ("a trailing comma", params(b"1,")), ("a comment", params(b"1/*x*/")), ("a line comment", params(b"1//x")),
    ("single quotes", params(b"'a'")), ("a bare name", params(b"a")), ("NaN", params(b"NaN")),
    ("Infinity", params(b"Infinity")), ("-Infinity", params(b"-Infinity")), ("True", params(b"True")),
    ("a leading zero", params(b"01")), ("a plus sign", params(b"+1")), ("no digit ahead of the point", params(b".5")),
    ("no digit behind the point", params(b"1.")), ("an exponent without digits", params(b"1e")),
    ("a lone minus", params(b"-")), ("hexadecimal", params(b"0x1F")), ("a tab in a string", params(b'"a\tb"')),
    ("a NUL in a string", params(b'"a\x00b"')), ("a control character in a string", params(b'"\x1f"')),
    ("an unknown escape", params(b'"\\x41"')), ("a short escape", params(b'"\\u12"')),
    ("an escape with other digits", params(b'"\\u00g0"')), ("mismatched brackets", params(b"[}")),
    ("a colon in an array", params(b"1:2")), ("no colon in an object", params(b'{"a" 1}')),
    ("a number as a name", params(b"{1:2}")), ("a vertical tab as blank", params(b"\x0b1")),
    ("a no-break space as blank", params(b"\xc2\xa01")), ("a misspelt literal", params(b"nulL")),
    ("a literal run on", params(b"truefalse")),
    ("a fault in a member nobody asks for", GOOD[:-1] + b',"extra":[1,]}'),
    ("a fault in a notification", b'{"jsonrpc":"2.0","method":"update","params":[01]}'),
    ("a fault in the second of a batch", b"[" + GOOD + b',{"jsonrpc":"2.0","id":2,"method"}]'),
    ("a fault in a response", b'{"jsonrpc":"2.0","id":1,"result":tru}'),
]  # fmt: skip


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
    connection.send(b' \r\n\t{ "jsonrpc"\n:\t"2.0" ,\r"id" : 1 , "method" : "echo" , "params" : [ 1 , { } ] } \n\n')
    check_result(connection.receive(), [1, {}], 1)


BAD_UTF8 = [
    ("a lone continuation byte", b"\x80"), ("0xFF", b"\xff"), ("0xC0 0x80 for NUL", b"\xc0\x80"),
    ("an overlong slash of two bytes", b"\xc0\xaf"), ("an overlong form of three bytes", b"\xe0\x80\xaf"),
    ("an overlong form of four bytes", b"\xf0\x80\x80\xaf"), ("a surrogate in UTF-8", b"\xed\xa0\x80"),
    ("a surrogate pair in UTF-8", b"\xed\xa0\xbd\xed\xb8\x80"), ("a point above U+10FFFF", b"\xf4\x90\x80\x80"),
    ("a form of five bytes", b"\xf8\x88\x80\x80\x80"), ("a cut form of two bytes", b"\xc3"),
    ("a cut form of three bytes", b"\xe2\x82"), ("a cut form of four bytes", b"\xf0\x9f\x98"),
    ("Latin-1", b"caf\xe9 au lait"), ("a cut form ahead of a quote", b"a\xf0\x9f"),
]  # fmt: skip


@case("R9: {} is -32700 wherever it stands, the connection kept", table=BAD_UTF8)
def _(t, piece):
    connection = t.connect()
    for prefix in (b"", b"a" * 13, b"b" * 61):  # where a block of a vectorised check may end
        connection.send(params(b'"' + prefix + piece + b'"'))
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
            params(b'"%s"' % piece),
            b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"%s":1}}' % piece,
            b'{"jsonrpc":"2.0","id":1,"method":"no%s"}' % piece,
            b'{"jsonrpc":"2.0","id":1,"method":"fail","params":{"code":1,"message":"%s","data":"%s"}}' % (piece, piece),
        ):
            connection.send(body)
            message = connection.receive()
            check("result" in message or message["error"]["code"] in (-32700, -32600, -32601, -32602, 1), brief(message))
    connection.expect_alive()


@case("R9: whole UTF-8 and each escape come back equal")
def _(t):
    connection = t.connect()
    points = [0x20, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF]
    value = "".join(map(chr, points))
    for shift in range(0, 70, 3):
        check(connection.result("echo", ["s" * shift + value]) == ["s" * shift + value], f"changed behind {shift} letters")
    connection.send(params(b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u00e9\\u20AC\\uD83D\\uDE00\\ufffe"'))
    check_result(connection.receive(), ['"\\/\b\f\n\r\t\0\x1fé€😀\ufffe'], 1)


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


# R11

INTEGERS = [0, 1, -1, 10, 255, -256, 2**24 + 1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1]
INTEGERS += [-(2**53) - 1, 10**18 + 1, 2**62 + 1, 2**63 - 2, 2**63 - 1, -(2**63) + 1, -(2**63), 2**63, 2**63 + 1, 2**64 - 2]
INTEGERS += [2**64 - 1]


def exact_integers(value, answer):
    return type(answer) is int and answer == value


@case("R11: integers in [-2^63, 2^64) are exact through echo")
def _(t):
    connection = t.connect()
    chance = random.Random(5)
    values = INTEGERS + [chance.randrange(-(2**63), 2**64) for _ in range(500)]
    answer = connection.result("echo", values)
    faults = [(value, got) for value, got in zip(values, answer, strict=True) if not exact_integers(value, got)]
    check(not faults, f"(sent, came): {faults[:10]}")
    for value in INTEGERS:
        answer = connection.result("echo", {"v": [value]})
        check(exact_integers(value, answer["v"][0]), f"{value} came back as {answer}")


@case("R11: integers are exact through typed parameters, never wrapped or rounded")
def _(t):
    connection = t.connect()
    for method, shape in (("subtract", lambda v: [v, 0]), ("subtract", lambda v: {"minuend": v, "subtrahend": 0}), ("sum", lambda v: [v])):
        for value in INTEGERS:
            message = connection.call(method, shape(value))
            if "error" in message and value >= 2**63:
                check_error(message, -32602, message["id"])
                continue
            check(same(message.get("result"), value), f"{method} {shape(value)} gave {brief(message)}")
    for values in ([2**53, 1], [2**62, 2**62 - 1], [-(2**63) + 5, -5], [10**18, 7, -(10**18)]):
        check(connection.result("sum", values) == sum(values), f"sum of {values} is wrong")


@case("R11: a sum or difference beyond the integers is a right number or an error, never wrapped")
def _(t):
    connection = t.connect()
    for method, values, value in (
        ("sum", [2**63 - 1, 1], 2**63), ("sum", [2**63 - 1] * 4, 4 * (2**63 - 1)), ("sum", [-(2**63), -1], -(2**63) - 1),
        ("subtract", [-(2**63), 1], -(2**63) - 1), ("subtract", [2**63 - 1, -(2**63)], 2**64 - 1), ("subtract", [0, -(2**63)], 2**63),
    ):  # fmt: skip
        message = connection.call(method, values)
        if "error" not in message:
            result = message["result"]
            check(same(result, value) or result == float(value), f"{method} {values} gave {result} for {value}")
    connection.expect_alive()


HARD_DOUBLES = [
    "0.1", "0.2", "-0.0", "1.0", "1e23", "8.41e21", "9007199254740993.0", "9007199254740992.9999", "5e-324", "2.4703282292062328e-324",
    "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "179769313486231570e291", "1.00000000000000011102230246251565",
    "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126", "0.500000000000000166533453693773481063544750213623046875",
    "7.2057594037927933e16", "123456789012345678901234567890.0", "0.000000000000000000000000000000000000000000000000001e51",
    "3.14159265358979323846264338327950288", "6.02214076E+23", "1E-7", "4.35", "4.9406564584124654e-324", "6929495644600919.5", "3.518437208883201171875e13",
    "0." + "0" * 300 + "1" + "2" * 500, "1" + "0" * 300 + ".5", "1" * 308 + ".0",
]  # fmt: skip


def doubles():
    chance = random.Random(11)
    values = list(HARD_DOUBLES)
    while len(values) < 500:
        value = struct.unpack("d", struct.pack("Q", chance.getrandbits(64)))[0]
        if math.isfinite(value):
            values += [repr(value), "%.16e" % value, "%.25e" % value]
    return [value if any(mark in value for mark in ".eE") else value + ".0" for value in values]


def same_double(left, right):
    return float(left) == float(right) and math.copysign(1, left) == math.copysign(1, right)


@case("R11: doubles keep their value through echo")
def _(t):
    connection = t.connect()
    values = doubles()
    answer = None
    connection.send(params(",".join(values).encode()))
    answer = connection.receive()
    check("result" in answer, brief(answer))
    faults = [(v, got) for v, got in zip(values, answer["result"], strict=True) if not same_double(float(v), got)]
    check(not faults, f"{len(faults)} changed, (sent, came): {faults[:10]}")


@case("R11: doubles are correctly rounded through typed parameters")
def _(t):
    connection = t.connect()
    values = doubles()
    for start in range(0, len(values), 100):
        part = values[start : start + 100]
        connection.send(
            *(b'{"jsonrpc":"2.0","id":%d,"method":"sum","params":[%s]}' % (n, v.encode()) for n, v in enumerate(part))
        )
        for number, value in enumerate(part):
            message = connection.response(number)
            check("result" in message, f"sum of {value}: {brief(message)}")
            check(float(message["result"]) == float(value), f"sum of {value} gave {message['result']!r}, not {float(value)!r}")


OVERFLOWS = [
    (text, text.encode()) for text in ("1e400", "-1e400", "1e309", "1.8e308", "1e99999999999", "-1e2147483648", "123e4567")
] + [("a number of 400 digits", b"9" * 400)]


@case("R11: {} is an error and never comes out as Infinity", table=OVERFLOWS)
def _(t, number):
    connection = t.connect()
    for body in (
        params(number), params(b'{"a":' + number + b"}"),
        b'{"jsonrpc":"2.0","id":1,"method":"sum","params":[%s]}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"subtract","params":[%s,1]}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"fail","params":{"code":1,"message":"m","data":%s}}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":%s}}' % number,
    ):  # fmt: skip
        connection.send(body)
        message = connection.receive()
        check("error" in message, f"{brief(body)} gave {brief(message)}")
        check(message["error"]["code"] in (-32700, -32600, -32602), f"{brief(body)} gave {brief(message)}")
    connection.expect_alive()


@case("R11: an exponent far below every double gives zero or an error")
def _(t):
    connection = t.connect()
    for number in (b"1e-400", b"-1e-400", b"1e-99999999999", b"0e999999999999", b"0.0e-999999999999", b"0e+400"):
        connection.send(params(number), b'{"jsonrpc":"2.0","id":2,"method":"sum","params":[%s]}' % number)
        for id in (1, 2):
            message = connection.receive()
            if "error" in message:
                check_error(message, (-32700, -32600, -32602), message["id"])
                check(not number.startswith(b"0"), f"{number} is zero, but: {brief(message)}")
            else:
                check(same(message["result"], [0] if id == 1 else 0), f"{number} gave {brief(message)}")


@case("R11: a sum that overflows is an error, never Infinity or NaN")
def _(t):
    connection = t.connect()
    for values in ([1e308, 1e308], [-1e308, -1e308], [1.7976931348623157e308] * 3, [1e308, 1e308, -1e308, -1e308]):
        message = connection.call("sum", values)
        check("error" in message or abs(message["result"]) < 1.8e308, brief(message))
    connection.expect_alive()


@case("R11: a number's type survives echo: 1.0, 1 and -0 stay equal, true stays true")
def _(t):
    connection = t.connect()
    connection.send(params(b"1.0,1,-0,0,true,false,null,1e0,100E-2,-0.0"))
    check_result(connection.receive(), [1.0, 1, 0, 0, True, False, None, 1, 1, 0], 1)


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
    check(message["id"] == 4 and message.get("result") != ["wrong"], f"PARAMS was taken for params: {brief(message)}")
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
    connection.send(b'{"json\\u0072pc":"2\\u002e0","\\u0069d":1,"m\\u0065thod":"ech\\u006f","p\\u0061rams":["\\u0061"]}')
    check_result(connection.receive(), ["a"], 1)
    connection.send(b'{"jsonrpc":"2.0","id":2,"method":"subtract","params":{"minu\\u0065nd":5,"subtr\\u0061hend":3}}')
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
    connection.send(b'{"x":{"method":"no","id":[9]},"jsonrpc":"2.0","id":1,"trace":[1],"method":"echo","params":[1],"meta":null}')
    check_result(connection.receive(), [1], 1)


@case("R9: what the server itself writes about bad input is UTF-8 and JSON")
def _(t):
    connection = t.connect()
    for method in ("\x7f\x01\x1f", "😀\u2028", 'quote"back\\slash', "x" * 5000):
        connection.send(request(method, [], 1))
        connection.expect_error(-32601, 1)
