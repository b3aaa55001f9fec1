"""The program `antiphon relay` under a driver's hands: started with a configuration, asked over sockets."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path


class Failure(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failure(what() if callable(what) else what)


def eventually(condition, what, seconds=10):
    """Asks again until it holds; what it gave then."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, lambda: f"it never came to this: {what() if callable(what) else what}")
        time.sleep(0.005)


class Client:
    """One connection, a message a line."""

    def __init__(self, reader, writer, sock=None):
        self.reader, self.writer, self.sock = reader, writer, sock
        self.last_id = 0
        self.others = []  # messages that came while an answer was awaited

    def send(self, **message):
        self.writer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.writer.flush()

    def request(self, method, params=None):
        """Sends a request; its id."""
        self.last_id += 1
        self.send(id=self.last_id, method=method, **({} if params is None else {"params": params}))
        return self.last_id

    def receive(self):
        line = self.reader.readline()
        check(line, "the connection has ended")
        return json.loads(line)

    def answer_to(self, number):
        for index, message in enumerate(self.others):
            if message.get("id") == number and "method" not in message:
                return self.others.pop(index)
        while True:
            message = self.receive()
            if message.get("id") == number and "method" not in message:
                return message
            self.others.append(message)

    def ask(self, method, params=None):
        return self.answer_to(self.request(method, params))

    def result(self, method, params=None):
        answer = self.ask(method, params)
        check("result" in answer, f"{method}: {answer}")
        return answer["result"]

    def notification(self):
        for index, message in enumerate(self.others):
            if "id" not in message:
                return self.others.pop(index)
        while True:
            message = self.receive()
            if "id" not in message:
                return message
            self.others.append(message)

    def close(self):
        for end in (self.writer, self.reader, self.sock):
            try:
                if end is not None:
                    end.close()
            except OSError:
                pass


class Relay:
    """The program, with a directory of its own. Ends with `close`."""

    def __init__(self, program, config=None, arguments=(), stdio=False):
        self.directory = tempfile.TemporaryDirectory(prefix="antiphon-relay-")
        self.file = Path(self.directory.name) / "relay.json"
        self.address = str(Path(self.directory.name) / "s")
        self.clients = []
        if config is not None:
            self.write(config)
            arguments = ["--config", str(self.file), *arguments]
        pipe = subprocess.PIPE if stdio else subprocess.DEVNULL
        self.process = subprocess.Popen([program, "relay", *arguments], stdin=pipe, stdout=pipe,
                                        stderr=subprocess.PIPE)
        self.said = []
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()

    def write(self, config):
        """A text as it is, or an object that listens on our socket unless it says otherwise."""
        if not isinstance(config, str):
            config = json.dumps({"listen": [{"at": f"unix:{self.address}", "framing": "line"}], **config}, indent=1)
        self.file.write_text(config)

    def read_log(self):
        for line in self.process.stderr:
            self.said.append(line.decode(errors="replace").rstrip())

    def says(self, text, seconds=10):
        """Waits until a line of its log has this text."""
        return eventually(lambda: next((line for line in self.said if text in line), None),
                          lambda: f"{text!r} in {self.said}", seconds)

    def connect(self):
        self.says("listening on")
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(20)
        sock.connect(self.address)
        client = Client(sock.makefile("rb"), sock.makefile("wb"), sock)
        self.clients.append(client)
        return client

    def own_client(self):
        client = Client(self.process.stdout, self.process.stdin)
        self.clients.append(client)
        return client

    def reload(self, config):
        self.write(config)
        self.process.send_signal(signal.SIGHUP)

    def wait(self, seconds=15):
        return self.process.wait(timeout=seconds)

    def log(self):
        self.reader.join(timeout=5)
        return "\n".join(self.said)

    def close(self):
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(timeout=5)
        for end in (self.process.stdin, self.process.stdout, self.process.stderr):
            if end is not None:
                try:
                    end.close()
                except OSError:
                    pass
        self.directory.cleanup()


def target(statistics, name):
    return next(one for one in statistics["targets"] if one["name"] == name)


def children_of(pid):
    """(pid, state) of each child."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append((int(entry), fields[0]))
    return found


def kill_child(parent, pid, number=signal.SIGKILL):
    """Sends a signal to a process if it is (still) a child of this parent."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if (pid, "Z") in children_of(parent) or pid not in dict(children_of(parent)):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def resident(pid):
    """The resident set, in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise Failure("no Rss in smaps_rollup")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
