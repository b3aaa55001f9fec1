"""R8: what a web page can send to a local port."""

from connection import check, encode, request
from harness import HEADERS, case
from messages import content_length, headed


BODY = (
    b"\n".join(encode(message) for message in (request("bump"), request("echo", ["run"], 1), request("bump")))
    + b"\n"
)


def http(first_line):
    return first_line + (
        b"\r\nHost: localhost:8080\r\nOrigin: http://evil.example\r\nContent-Type: text/plain;charset=UTF-8\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
    )


HTTP_LINES = [
    (line.decode(), line)
    for line in (
        b"POST / HTTP/1.1", b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PUT /a/b?c=d HTTP/1.0", b"HEAD / HTTP/1.1",
        b"POST http://127.0.0.1:8080/ HTTP/1.1", b"POST /:a HTTP/1.1", b"GET /Content-Length: HTTP/1.1",
        b"POST /Content-Length: 5 HTTP/1.1", b"CONNECT localhost:80 HTTP/1.1", b"PRI * HTTP/2.0",
    )
]


@case("R8: the HTTP request {} is refused and its body never executed", table=HTTP_LINES)
def _(t, line):
    server = t.start()
    connection = server.connect()
    connection.send_raw(http(line), tolerate=True)
    connection.expect_refused(f"an HTTP request ({line.decode()})")
    if not t.stdio:
        check(server.connect().result("count") == 0, "the body of an HTTP request was executed")


@case("R8: an HTTP request is refused at its first line", table=HTTP_LINES[:2] + HTTP_LINES[5:8])
def _(t, line):
    connection = t.connect()
    connection.send_raw(line + b"\r\n")
    connection.expect_refused(f"the line {line.decode()}")


@case("R8: an HTTP request with its body in one JSON-RPC frame is refused", framings=HEADERS)
def _(t):
    server = t.start()
    connection = server.connect()
    body = encode([request("bump"), request("echo", ["run"], 1)])
    connection.send_raw(headed(b"POST / HTTP/1.1", content_length(body), body=body), tolerate=True)
    connection.expect_refused("an HTTP request with one batch as its body")
    if not t.stdio:
        check(server.connect().result("count") == 0, "the body of an HTTP request was executed")


@case("R8: an HTTP request after good messages is refused as well")
def _(t):
    connection = t.connect()
    connection.expect_alive()
    connection.send_raw(http(b"POST / HTTP/1.1"), tolerate=True)
    connection.expect_refused("an HTTP request behind a good message")
