"""R11: integers exact, doubles correctly rounded, no infinities."""

import math
import random
import struct

from connection import brief, check, check_error, check_result, same
from harness import case
from messages import echo_of


INTEGERS = [
    0,
    1,
    -1,
    10,
    255,
    -256,
    2**24 + 1,
    2**31 - 1,
    2**31,
    -(2**31),
    -(2**31) - 1,
    2**32,
    2**53 - 1,
    2**53,
    2**53 + 1,
]
INTEGERS += [
    -(2**53) - 1,
    10**18 + 1,
    2**62 + 1,
    2**63 - 2,
    2**63 - 1,
    -(2**63) + 1,
    -(2**63),
    2**63,
    2**63 + 1,
    2**64 - 2,
]
INTEGERS += [2**64 - 1]


def exact_integers(value, answer):
    return type(answer) is int and answer == value


@case("R11: integers in [-2^63, 2^64) are exact through echo")
def _(t):
    connection = t.connect()
    chance = random.Random(5)
    values = INTEGERS + [chance.randrange(-(2**63), 2**64) for _ in range(500)]
    answer = connection.result("echo", values)
    faults = [
        (value, got) for value, got in zip(values, answer, strict=True) if not exact_integers(value, got)
    ]
    check(not faults, f"(sent, came): {faults[:10]}")
    for value in INTEGERS:
        answer = connection.result("echo", {"v": [value]})
        check(exact_integers(value, answer["v"][0]), f"{value} came back as {answer}")


@case("R11: integers are exact through typed parameters, never wrapped or rounded")
def _(t):
    connection = t.connect()
    for method, shape in (
        ("subtract", lambda v: [v, 0]),
        ("subtract", lambda v: {"minuend": v, "subtrahend": 0}),
        ("sum", lambda v: [v]),
    ):
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
    ):
        message = connection.call(method, values)
        if "error" not in message:
            result = message["result"]
            check(
                same(result, value) or result == float(value), f"{method} {values} gave {result} for {value}"
            )
    connection.expect_alive()


HARD_DOUBLES = [
    "0.1", "0.2", "-0.0", "1.0", "1e23", "8.41e21", "9007199254740993.0", "9007199254740992.9999", "5e-324", "2.4703282292062328e-324",
    "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "179769313486231570e291", "1.00000000000000011102230246251565",
    "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126", "0.500000000000000166533453693773481063544750213623046875",
    "7.2057594037927933e16", "123456789012345678901234567890.0", "0.000000000000000000000000000000000000000000000000001e51",
    "3.14159265358979323846264338327950288", "6.02214076E+23", "1E-7", "4.35", "4.9406564584124654e-324", "6929495644600919.5", "3.518437208883201171875e13",
    "0." + "0" * 300 + "1" + "2" * 500, "1" + "0" * 300 + ".5", "1" * 308 + ".0",
]


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
    connection.send(echo_of(",".join(values).encode()))
    answer = connection.receive()
    check("result" in answer, brief(answer))
    faults = [
        (v, got) for v, got in zip(values, answer["result"], strict=True) if not same_double(float(v), got)
    ]
    check(not faults, f"{len(faults)} changed, (sent, came): {faults[:10]}")


@case("R11: doubles are correctly rounded through typed parameters")
def _(t):
    connection = t.connect()
    values = doubles()
    for start in range(0, len(values), 100):
        part = values[start : start + 100]
        connection.send(
            *(
                b'{"jsonrpc":"2.0","id":%d,"method":"sum","params":[%s]}' % (n, v.encode())
                for n, v in enumerate(part)
            )
        )
        for number, value in enumerate(part):
            message = connection.response(number)
            check("result" in message, f"sum of {value}: {brief(message)}")
            check(
                float(message["result"]) == float(value),
                f"sum of {value} gave {message['result']!r}, not {float(value)!r}",
            )


OVERFLOWS = [
    (text, text.encode())
    for text in ("1e400", "-1e400", "1e309", "1.8e308", "1e99999999999", "-1e2147483648", "123e4567")
] + [("a number of 400 digits", b"9" * 400)]


@case("R11: {} is an error and never comes out as Infinity", table=OVERFLOWS)
def _(t, number):
    connection = t.connect()
    for body in (
        echo_of(number), echo_of(b'{"a":' + number + b"}"),
        b'{"jsonrpc":"2.0","id":1,"method":"sum","params":[%s]}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"subtract","params":[%s,1]}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"fail","params":{"code":1,"message":"m","data":%s}}' % number,
        b'{"jsonrpc":"2.0","id":1,"method":"sleep","params":{"ms":%s}}' % number,
    ):
        connection.send(body)
        message = connection.receive()
        check("error" in message, f"{brief(body)} gave {brief(message)}")
        check(message["error"]["code"] in (-32700, -32600, -32602), f"{brief(body)} gave {brief(message)}")
    connection.expect_alive()


@case("R11: an exponent far below every double gives zero or an error")
def _(t):
    connection = t.connect()
    for number in (
        b"1e-400",
        b"-1e-400",
        b"1e-99999999999",
        b"0e999999999999",
        b"0.0e-999999999999",
        b"0e+400",
    ):
        connection.send(echo_of(number), b'{"jsonrpc":"2.0","id":2,"method":"sum","params":[%s]}' % number)
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
    for values in (
        [1e308, 1e308],
        [-1e308, -1e308],
        [1.7976931348623157e308] * 3,
        [1e308, 1e308, -1e308, -1e308],
    ):
        message = connection.call("sum", values)
        check("error" in message or abs(message["result"]) < 1.8e308, brief(message))
    connection.expect_alive()


@case("R11: a number's type survives echo: 1.0, 1 and -0 stay equal, true stays true")
def _(t):
    connection = t.connect()
    connection.send(echo_of(b"1.0,1,-0,0,true,false,null,1e0,100E-2,-0.0"))
    check_result(connection.receive(), [1.0, 1, 0, 0, True, False, None, 1, 1, 0], 1)
