"""Messages that several themes send."""

import json

from connection import check_result, encode, request

LONG = {"ms": 60000}
WAIT = ("--overload", "wait")
REJECT = ("--overload", "reject")

ECHO = encode(request("echo", ["x"], 1))


def headed(*lines, body=ECHO, end=b"\r\n"):
    """A frame with these header lines."""
    return end.join(lines) + end + end + body


def content_length(body=ECHO):
    return b"Content-Length: %d" % len(body)


def expect_echo(connection, id=1, value=("x",)):
    check_result(connection.receive(), list(value), id)


def cancel(id):
    return request("$/cancelRequest", {"id": id})


def echo_of(text):
    """An echo request around the text of one parameter."""
    return b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[' + text + b"]}"


def shape_of(message):
    """What an answer says apart from the wording of an error."""
    if "error" in message:
        return json.dumps(["error", message["error"]["code"], message["id"]])
    return json.dumps(["result", message["result"], message["id"]])


def session(framing, *messages):
    """The bytes of a whole conversation, without a connection."""
    data = b""
    for message in messages:
        body = encode(message)
        data += (
            body + b"\n"
            if framing == "newline"
            else b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
    return data
