"""One connection to the server: raw bytes or framed messages out, strictly checked frames in."""

import array
import collections
import errno
import fcntl
import json
import os
import re
import select
import socket
import struct
import termios
import time

ABSENT = object()
DEFAULT_SECONDS = 8.0
SIOCOUTQNSD = 0x894B  # linux/sockios.h: bytes not sent yet
REFUSAL_CODES = (-32600, -32700)
HEADER = re.compile(
    rb"(?:Content-Type: [^\r\n]*\r\n)?Content-Length: (\d+)\r\n(?:Content-Type: [^\r\n]*\r\n)?\r\n"
)


class Failure(AssertionError):
    """What the server did is not what the requirement says."""


class Closed(Failure):
    """The connection ended where a message was expected."""


class TimedOut(Failure):
    """Nothing came where a message was expected."""


def check(condition, reason):
    if not condition:
        raise Failure(reason)


def brief(data, limit=220):
    """A printable form of bytes or a value, short enough for a report."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        if len(data) <= limit:
            return repr(bytes(data))
        return f"{bytes(data[: limit // 2])!r} ... {bytes(data[-limit // 2 :])!r} ({len(data)} bytes)"
    shown = repr(data)
    return shown if len(shown) <= limit else f"{shown[: limit // 2]} ... {shown[-limit // 2 :]}"


def _constant(name):
    raise Failure(f"the output holds {name}, which is not JSON")


def _double(digits):
    value = float(digits)
    check(value - value == 0, f"the output holds {digits}, which no double can hold")
    return value


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_double)


def parse(body):
    """A JSON value from UTF-8, with nothing that RFC 8259 doesn't have."""
    try:
        return _DECODER.decode(bytes(body).decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Failure(f"not JSON in UTF-8 ({error}): {brief(body)}") from None


def same(left, right):
    """Equal as JSON values: types count, numbers compare exactly, 1 and 1.0 are one number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def is_response(message):
    return isinstance(message, dict) and "method" not in message


def check_message(message):
    """The JSON-RPC 2.0 shape of anything that the server sends."""
    if isinstance(message, list):
        check(message, "the server sent an empty array")
        for item in message:
            check(not isinstance(item, list), "the server sent a batch in a batch")
            check_message(item)
        return
    fault = shape_fault(message)
    if fault:
        raise Failure(f"{fault}: {brief(message)}")


def shape_fault(message):
    """What is wrong with a message of the server's, or None."""
    if not isinstance(message, dict):
        return "the server sent neither object nor array"
    if message.get("jsonrpc") != "2.0":
        return "no jsonrpc 2.0"
    if "method" in message:
        if not isinstance(message["method"], str):
            return "method is no string"
        return None if message.keys() <= {"jsonrpc", "id", "method", "params"} else "odd members in a request"
    if "id" not in message:
        return "a response without id"
    if ("result" in message) == ("error" in message):
        return "not one of result and error"
    if not message.keys() <= {"jsonrpc", "id", "result", "error"}:
        return "odd members in a response"
    if "error" in message:
        error = message["error"]
        if not isinstance(error, dict) or not error.keys() <= {"code", "message", "data"}:
            return "error is no object or has odd members"
        if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
            return "no integer as error code or no string as error message"
    return None


def request(method, params=ABSENT, id=ABSENT):
    """A request, or a notification without `id`."""
    message = {"jsonrpc": "2.0"}
    if id is not ABSENT:
        message["id"] = id
    message["method"] = method
    if params is not ABSENT:
        message["params"] = params
    return message


def encode(message):
    """Bytes pass through: a case that means exact bytes says exact bytes."""
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


class Connection:
    def __init__(self, server, reader, writer, sock=None):
        self.server = server
        self.framing = server.framing
        self.reader = reader
        self.writer = writer
        self.sock = sock
        self.inbox = bytearray()
        self.stash = []
        self.ended = False
        self.scale = server.trial.scale
        self._scanned = 0
        self._next_id = 1000
        self._log = collections.deque(maxlen=14)
        for descriptor in {reader, writer}:
            os.set_blocking(descriptor, False)

    # Bytes out

    def frame(self, message):
        body = encode(message)
        if self.framing == "newline":
            return body + b"\n"
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

    def send_raw(self, data, seconds=30, read=True, tolerate=False, note=True):
        """Writes all of `data`, taking in what arrives meanwhile. With `tolerate`, false when the peer is gone."""
        if note:
            self._note("sent", data)
        view = memoryview(data)
        deadline = time.monotonic() + seconds * self.scale
        while view:
            written = self._write_some(view, deadline - time.monotonic(), read, tolerate)
            if written is None:
                return False
            if written == 0 and time.monotonic() >= deadline:
                raise TimedOut(f"the server stopped reading: {len(view)} of {len(data)} bytes not taken")
            view = view[written:]
        return True

    def _write_some(self, view, seconds, read, tolerate):
        poller = select.poll()
        poller.register(self.writer, select.POLLOUT)
        if read and not self.ended and self.reader != self.writer:
            poller.register(self.reader, select.POLLIN)
        elif read and not self.ended:
            poller.modify(self.writer, select.POLLOUT | select.POLLIN)
        for descriptor, events in poller.poll(max(0, seconds) * 1000):
            if (
                descriptor == self.reader
                and events & (select.POLLIN | select.POLLHUP)
                and read
                and not self.ended
            ):
                self._fill()
            if descriptor == self.writer and events & (select.POLLOUT | select.POLLERR | select.POLLHUP):
                try:
                    return os.write(self.writer, view)
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    if tolerate:
                        return None
                    raise Closed("the server closed the connection while it was sent to") from None
        return 0

    def send_until_stalled(self, data, seconds):
        """Writes without reading until all is taken or nothing moves for `seconds`; says how much was taken."""
        view = memoryview(data)
        while view:
            written = self._write_some(view, seconds, read=False, tolerate=False)
            if written == 0:
                break
            view = view[written:]
        return len(data) - len(view)

    def send(self, *messages, **settings):
        """Frames the messages and sends them in one write."""
        return self.send_raw(b"".join(self.frame(message) for message in messages), **settings)

    def fresh_id(self):
        self._next_id += 1
        return self._next_id

    def request(self, method, params=ABSENT, id=ABSENT):
        """Sends a request and returns its id."""
        id = self.fresh_id() if id is ABSENT else id
        self.send(request(method, params, id))
        return id

    def notify(self, method, params=ABSENT):
        self.send(request(method, params))

    def wait_consumed(self, seconds=5):
        """Returns once the server has read every byte sent, so that what follows comes in another read."""
        deadline = time.monotonic() + seconds * self.scale
        while self._unread() > 0:
            if time.monotonic() > deadline:
                raise TimedOut("the server did not read what was sent")
            time.sleep(0.0002)

    def _unread(self):
        if self.sock is None:
            return self._ioctl(self.writer, termios.FIONREAD)
        if self.sock.family == socket.AF_UNIX:
            return self._ioctl(self.writer, termios.TIOCOUTQ)
        # Not TIOCOUTQ, which counts what waits for an acknowledgement, often for 40 ms.
        if self._ioctl(self.writer, SIOCOUTQNSD) > 0:
            return 1
        return self.server.tcp_receive_queue(self.sock.getsockname()[1])

    @staticmethod
    def _ioctl(descriptor, what):
        value = array.array("i", [0])
        fcntl.ioctl(descriptor, what, value)
        return value[0]

    # Bytes in

    def _fill(self):
        try:
            data = os.read(self.reader, 1 << 20)
        except BlockingIOError:
            return
        except OSError as error:  # a reset socket, or a terminal whose other side is gone
            if error.errno not in (errno.ECONNRESET, errno.EIO, errno.EPIPE):
                raise
            data = b""
        if not data:
            self.ended = True
        self.inbox += data

    def fill(self, deadline):
        """Waits for bytes or the end until `deadline`; false when the time is over."""
        if self.ended:
            return False
        poller = select.poll()
        poller.register(self.reader, select.POLLIN)
        if not poller.poll(max(0, deadline - time.monotonic()) * 1000):
            return False
        self._fill()
        return True

    def _next_frame(self):
        if self.framing == "newline":
            end = self.inbox.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(self.inbox)
                return None
            body = bytes(self.inbox[:end])
            del self.inbox[: end + 1]
            self._scanned = 0
            check(body and b"\r" not in body[-1:], f"an empty line or one that ends with CR: {brief(body)}")
            return body
        end = self.inbox.find(b"\r\n\r\n", 0, 4096)
        if end < 0:
            check(len(self.inbox) < 4096, f"no header in the output: {brief(self.inbox)}")
            return None
        header = HEADER.fullmatch(self.inbox, 0, end + 4)
        check(header, f"a header that is not the protocol's: {brief(self.inbox[: end + 4])}")
        total = end + 4 + int(header[1])
        if len(self.inbox) < total:
            return None
        body = bytes(self.inbox[end + 4 : total])
        del self.inbox[:total]
        return body

    def receive_frame(self, seconds=DEFAULT_SECONDS):
        """The body of the next frame, or None at an orderly end of the stream."""
        deadline = time.monotonic() + seconds * self.scale
        while True:
            body = self._next_frame()
            if body is not None:
                self._note("came", body)
                return body
            if self.ended:
                check(not self.inbox, f"the output ends inside a message: {brief(self.inbox)}")
                self._note("came", b"(end)")
                return None
            if not self.fill(deadline):
                if self.ended:
                    continue
                raise TimedOut(
                    f"nothing came within {seconds * self.scale:g} s"
                    + (f" but a part: {brief(self.inbox)}" if self.inbox else "")
                )

    def receive(self, seconds=DEFAULT_SECONDS):
        """The next message in order of arrival, its shape checked."""
        if self.stash:
            return self.stash.pop(0)
        return self._receive_new(seconds)

    def _receive_new(self, seconds):
        body = self.receive_frame(seconds)
        if body is None:
            raise Closed("the connection ended where a message was expected")
        message = parse(body)
        check_message(message)
        return message

    def response(self, id, seconds=DEFAULT_SECONDS):
        """The response to `id`; what else arrives is kept for `receive`."""
        for index, message in enumerate(self.stash):
            if is_response(message) and same(message["id"], id):
                return self.stash.pop(index)
        deadline = time.monotonic() + seconds * self.scale
        while True:
            try:
                message = self._receive_new(max(0, deadline - time.monotonic()) / self.scale)
            except (TimedOut, Closed) as failure:
                others = f" (other messages came: {brief(self.stash)})" if self.stash else ""
                raise type(failure)(f"no response to id {brief(id)}: {failure}{others}") from None
            if is_response(message) and same(message["id"], id):
                return message
            self.stash.append(message)

    def call(self, method, params=ABSENT, id=ABSENT, seconds=DEFAULT_SECONDS):
        """The response to a new request."""
        return self.response(self.request(method, params, id), seconds)

    def result(self, method, params=ABSENT, seconds=DEFAULT_SECONDS):
        """The result of a new request."""
        response = self.call(method, params, seconds=seconds)
        check("result" in response, f"{method} failed: {brief(response)}")
        return response["result"]

    # Expectations

    def expect_error(self, code, id=None, seconds=DEFAULT_SECONDS, what=""):
        """The next message is an error with this code (or one of these) and this id."""
        message = self.receive(seconds)
        check_error(message, code, id, what)
        return message

    def expect_alive(self, what=""):
        """A request still works, and nothing else was waiting to be read: whoever was to be silent, was."""
        marker = ["marker", self.fresh_id()]
        id = self.fresh_id()
        self.send(request("echo", marker, id))
        message = self.receive()
        check(
            is_response(message) and same(message["id"], id),
            f"{what or 'silence was due'}, but this came: {brief(message)}",
        )
        check(same(message.get("result"), marker), f"echo of {marker} gave {brief(message)}")

    def expect_closed(self, seconds=DEFAULT_SECONDS):
        """No further message comes, and the stream ends."""
        try:
            body = self.receive_frame(seconds)
        except TimedOut as failure:
            raise TimedOut(f"the connection was not closed: {failure}") from None
        check(body is None, f"another message where the connection was to close: {brief(body or b'')}")

    def expect_refused(self, what="", codes=REFUSAL_CODES, seconds=DEFAULT_SECONDS):
        """One error with id null, then the end; a stdio server exits above 0, a listening one goes on."""
        what = what or "a broken stream"
        try:
            message = self.receive(seconds)
        except (TimedOut, Closed) as failure:
            raise type(failure)(f"{what}: no error came: {failure}") from None
        check_error(message, codes, None, what)
        self.expect_closed(seconds)
        if self.server.transport == "stdio":
            code = self.server.wait(seconds)
            check(code > 0, f"{what}: the exit code is {code}, not above 0")
        else:
            self.server.expect_serving()

    # The end

    def half_close(self):
        """Ends what this side sends; it can still receive."""
        self._note("sent", b"(end)")
        if self.sock is not None:
            self.sock.shutdown(socket.SHUT_WR)
        elif self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def stop_reading(self):
        """Closes the side that receives, so that the server's writes fail."""
        os.close(self.reader)
        self.reader = -1
        self.ended = True

    def reset(self):
        """Drops a TCP connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        if self.sock is not None:
            self.sock.close()
        else:
            for descriptor in {self.reader, self.writer}:
                if descriptor >= 0:
                    os.close(descriptor)
        self.reader = self.writer = -1
        self.sock = None
        self.ended = True

    def _note(self, direction, data):
        self._log.append((direction, data))

    def transcript(self):
        came = [f"{direction} {brief(data)}" for direction, data in self._log]
        return came + ([f"unread {brief(self.inbox)}"] if self.inbox else [])


def check_error(message, code, id=None, what=""):
    """`message` is an error response with this code (or one of these) and this id."""
    codes = code if isinstance(code, (tuple, list)) else (code,)
    what = f"{what}: " if what else ""
    if not (is_response(message) and "error" in message):
        raise Failure(f"{what}an error was due, this came: {brief(message)}")
    if message["error"]["code"] not in codes:
        raise Failure(f"{what}error {' or '.join(map(str, codes))} was due, this came: {brief(message)}")
    if not same(message["id"], id):
        raise Failure(f"{what}an error with id {brief(id)} was due, this came: {brief(message)}")


def check_result(message, value, id):
    """`message` is the response to `id` with this result."""
    if not (is_response(message) and same(message["id"], id)):
        raise Failure(f"the response to {id!r} was due: {brief(message)}")
    if "result" not in message or not same(message["result"], value):
        raise Failure(f"result {brief(value)} was due, this came: {brief(message)}")
