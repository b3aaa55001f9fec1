"""What the cases work with: programs that end with their case, and conversations that don't wait for ever."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PATIENCE = 60 if "ANTIPHON_SANITIZED" in os.environ else 20
CASES = []


def case(function):
    """A case is called what its docstring says."""
    CASES.append(function)
    return function


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what)


def same(seen, wanted, what):
    check(seen == wanted, f"{what}: {seen!r}, not {wanted!r}")


def until(question, what):
    """Asks again and again, and returns the first answer that is one."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.01)
    raise Failure(f"{what}: not within {PATIENCE} s")


class Pipe:
    """Bytes in and out over two descriptors, or one socket."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.buffer = b""

    def write(self, data):
        data = memoryview(data)
        deadline = time.monotonic() + PATIENCE
        while data:
            ready = select.select([], [self.writer], [], max(0, deadline - time.monotonic()))[1]
            check(ready, f"nobody reads; {len(data)} bytes are left")
            data = data[os.write(self.writer, data[:4096]):]

    def ready(self, seconds):
        """Whether something comes within this time."""
        return bool(self.buffer or select.select([self.reader], [], [], seconds)[0])

    def more(self):
        """Reads on; False at the end."""
        ready = select.select([self.reader], [], [], PATIENCE)[0]
        check(ready, f"nothing came; there is {self.buffer[:500]!r}")
        try:
            piece = os.read(self.reader, 65536)
        except OSError:  # a terminal whose other side is closed, a connection that was reset
            piece = b""
        self.buffer += piece
        return bool(piece)

    def exactly(self, size):
        while len(self.buffer) < size:
            check(self.more(), f"the end, {size} bytes were expected after {self.buffer!r}")
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def through(self, mark):
        while mark not in self.buffer:
            check(self.more(), f"the end, {mark!r} was expected after {self.buffer!r}")
        taken, self.buffer = self.buffer.split(mark, 1)
        return taken

    def line(self):
        return self.through(b"\n").decode()

    def rest(self):
        while self.more():
            pass
        taken, self.buffer = self.buffer, b""
        return taken.decode()


def header(text):
    return b"Content-Length: %d\r\n\r\n%s" % (len(text), text)


def read_header(pipe):
    head = pipe.through(b"\r\n\r\n")
    check(head.startswith(b"Content-Length: "), head)
    return pipe.exactly(int(head[16:]))


def native(text):
    return struct.pack("=I", len(text)) + text


def read_native(pipe):
    return pipe.exactly(struct.unpack("=I", pipe.exactly(4))[0])


class Talk:
    """JSON messages over a pipe; how they are told apart is told by two functions."""

    def __init__(self, pipe, frame=header, read=read_header):
        self.pipe, self.frame, self.read = pipe, frame, read
        self.last_id = 0
        self.others = []  # that came while an answer was awaited

    def send(self, message):
        self.pipe.write(self.frame(json.dumps(message).encode()))

    def receive(self):
        return json.loads(self.read(self.pipe))

    def notify(self, method, params):
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method, params=None):
        """Sends a request and returns its id."""
        self.last_id += 1
        message = {"jsonrpc": "2.0", "id": self.last_id, "method": method}
        self.send(message if params is None else {**message, "params": params})
        return self.last_id

    def answer(self, id):
        """The answer to that request. What came before it is kept in `others`."""
        for message in self.others:
            if message.get("id") == id and "method" not in message:
                self.others.remove(message)
                return message
        while True:
            message = self.receive()
            if message.get("id") == id and "method" not in message:
                return message
            self.others.append(message)

    def call(self, method, params=None):
        return self.outcome("result", method, params)

    def refusal(self, method, params=None):
        return self.outcome("error", method, params)

    def outcome(self, kind, method, params):
        answer = self.answer(self.ask(method, params))
        check(kind in answer, f"{method}: {answer}")
        return answer[kind]

    def next_told(self):
        """The next notification."""
        message = self.others.pop(0) if self.others else self.receive()
        check("method" in message and "id" not in message, f"not a notification: {message}")
        return message


class Program:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(arguments, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.pipe = Pipe(self.process.stdout.fileno(), self.process.stdin.fileno())
        self.errors = Pipe(self.process.stderr.fileno(), None)

    def line(self):
        return self.pipe.line()

    def type(self, text):
        self.pipe.write(text.encode())

    def end_input(self):
        self.process.stdin.close()

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def children(self):
        started = []
        for thread in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with suppress(OSError):  # it has just ended
                started += map(int, thread.read_text().split())
        return started

    def naps(self):
        """How often it has gone to sleep by itself."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    def ends(self, code=0):
        """Waits for its end; what it had still to say, and what it complained about."""
        said, errors = self.pipe.rest(), self.errors.rest()
        same(self.process.wait(PATIENCE), code, f"exit code, after {said!r} and {errors!r}")
        return said, errors

    def close(self):
        """Kills what runs still; of what it has started some may be stopped, and would stay."""
        if self.process.poll() is None:
            children = self.children()
            self.process.kill()
            for pid in children:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


class Stage:
    def __init__(self, build, directory):
        self.build, self.directory = build, directory
        self.programs, self.sockets = [], []

    def program(self, name):
        """The path of an example: `2_simple/chat`."""
        folder, name = name.split("/")
        return str(self.build / "examples" / folder / f"antiphon-{name}")

    def start(self, name, *arguments):
        started = Program(self.program(name), *map(str, arguments))
        self.programs.append(started)
        return started

    def talk(self, name, *arguments, frame=header, read=read_header):
        """Starts an example that serves on its standard input and output."""
        program = self.start(name, *arguments)
        return program, Talk(program.pipe, frame, read)

    def path(self, name):
        return os.path.join(self.directory, name)

    def file(self, name, text, mode=0o644):
        Path(self.path(name)).write_text(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def connect(self, path):
        """A connection to the Unix socket, as soon as somebody listens there."""

        def attempt():
            one = socket.socket(socket.AF_UNIX)
            try:
                one.connect(path)
                return one
            except OSError:
                one.close()
                return None

        connected = until(attempt, f"connecting to {path}")
        self.sockets.append(connected)
        return Talk(Pipe(connected.fileno(), connected.fileno()))

    def hang_up(self, talk):
        connected = next(one for one in self.sockets if one.fileno() == talk.pipe.reader)
        self.sockets.remove(connected)
        connected.close()

    def close(self):
        for one in self.sockets:
            one.close()
        for program in self.programs:
            program.close()


def gone(pid):
    """Whether the process has ended; whoever started it may not have taken note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
