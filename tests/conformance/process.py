"""The server under test as a process: started over each transport, watched from outside, always ended."""

import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

from connection import Failure, TimedOut, brief, check

SANITIZER_EXIT = 99
SANITIZER_MARKS = (b"Sanitizer", b"runtime error:")
SANITIZER_ENVIRONMENT = {
    # A small quarantine, so that the resident set says what the server holds and not what it has freed.
    "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:quarantine_size_mb=4:thread_local_quarantine_size_kb=64:"
    "malloc_context_size=8:allocator_release_to_os_interval_ms=100",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=0",
    "LSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
}


class Server:
    """`stdin`, `stdout` and `stderr` take a descriptor; by default they are pipes of ours.

    `ready=False` starts a listener without waiting for its line, for those that are to fail.
    `address` overrides what --tcp or --unix gets. `before` runs in the child just ahead of the program.
    `environment` adds to ours.
    """

    def __init__(
        self,
        trial,
        *options,
        stdin=None,
        stdout=None,
        stderr=None,
        umask=-1,
        address=None,
        ready=True,
        before=None,
        environment=None,
    ):
        self.trial = trial
        self.transport = trial.transport
        self.framing = trial.framing
        self.address = address
        self.errors = bytearray()
        self.code = None
        self.killed = False
        self._changed = threading.Condition()
        self._drain = None
        self.port = None
        self._connection = None

        arguments = [trial.program]
        if self.transport == "tcp":
            self.address = address or "127.0.0.1:0"
            arguments += ["--tcp", self.address]
        elif self.transport == "unix":
            self.address = address or trial.path(f"s{len(trial.servers)}")
            arguments += ["--unix", self.address]
        if self.framing != "content-length":
            arguments += ["--framing", self.framing]
        arguments += [str(option) for option in options]

        ours = []
        if self.transport == "stdio":
            if stdin is None:
                stdin, self._stdin = os.pipe()
                ours.append(stdin)
            else:
                self._stdin = None
            if stdout is None:
                self._stdout, stdout = os.pipe()
                ours.append(stdout)
            else:
                self._stdout = None
        else:
            stdin = subprocess.DEVNULL if stdin is None else stdin
            stdout = subprocess.DEVNULL if stdout is None else stdout
        self._stderr = None
        if stderr is None:
            self._stderr, stderr = os.pipe()
            ours.append(stderr)
        environment = dict(os.environ, **(SANITIZER_ENVIRONMENT if trial.asan else {}), **(environment or {}))
        try:
            self.process = subprocess.Popen(
                arguments,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                umask=umask,
                env=environment,
                preexec_fn=before,
            )
        finally:
            for descriptor in ours:
                os.close(descriptor)
        self.pid = self.process.pid
        self._pidfd = os.pidfd_open(self.pid)
        if self._stderr is not None:
            self._drain = threading.Thread(target=self._drain_errors, daemon=True)
            self._drain.start()
        if self.transport != "stdio" and ready:
            self.wait_ready()

    def _drain_errors(self):
        while True:
            data = os.read(self._stderr, 65536)
            with self._changed:
                self.errors += data
                self._changed.notify_all()
            if not data:
                os.close(self._stderr)
                return

    def wait_ready(self, seconds=10):
        """Waits for the line `listening ADDRESS` and learns the port from it."""
        deadline = time.monotonic() + seconds * self.trial.scale
        with self._changed:
            while b"\n" not in self.errors:
                left = deadline - time.monotonic()
                if left <= 0 or (not self._drain.is_alive() and b"\n" not in self.errors):
                    raise Failure(f"no line `listening ...` on stderr: {brief(self.errors)}")
                self._changed.wait(min(left, 0.5))
            line = bytes(self.errors).split(b"\n")[0].decode("utf-8", "replace")
        if self.transport == "tcp":
            match = re.fullmatch(r"listening (.+):(\d+)", line)
            check(match and 0 < int(match[2]) < 65536, f"no line `listening HOST:PORT` but {line!r}")
            self.port = int(match[2])
        else:
            check(line == f"listening {self.address}", f"no line `listening {self.address}` but {line!r}")

    # Connections

    def connect(self, receive_buffer=None):
        """A new connection; over stdio, the one there is."""
        if self.transport == "stdio":
            if self._connection is None:
                self._connection = self.trial.adopt(self, self._stdout, self._stdin)
            return self._connection
        sock = socket.socket(
            socket.AF_INET if self.transport == "tcp" else socket.AF_UNIX, socket.SOCK_STREAM
        )
        try:
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(10 * self.trial.scale)
            self._connect(sock)
            if self.transport == "tcp":
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            raise Failure(f"can't connect to {self.address}: {error}") from None
        return self.trial.adopt(self, sock.fileno(), sock.fileno(), sock)

    def _connect(self, sock):
        deadline = time.monotonic() + 10 * self.trial.scale
        while True:
            try:
                return sock.connect(("127.0.0.1", self.port) if self.transport == "tcp" else self.address)
            except BlockingIOError:  # a Unix socket's way to say that the backlog is full
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def expect_serving(self):
        """A listening server still takes and serves a new connection."""
        check(self.running(), f"the server ended with {self.process.poll()}")
        connection = self.connect()
        connection.expect_alive()
        connection.close()

    # The process

    def running(self):
        return self.code is None and not select.select([self._pidfd], [], [], 0)[0]

    def wait(self, seconds=8):
        """The exit code, negative for a signal."""
        if self.code is None:
            if not select.select([self._pidfd], [], [], seconds * self.trial.scale)[0]:
                raise TimedOut(f"the server did not end within {seconds * self.trial.scale:g} s")
            self.code = self.process.wait()
        if self._drain is not None:
            self._drain.join(1)
        return self.code

    def expect_exit(self, codes, seconds=8, what="the server"):
        code = self.wait(seconds)
        if code < 0:
            raise Failure(f"{what}: died of {signal.Signals(-code).name}")
        wanted = codes if isinstance(codes, (tuple, range, list)) else (codes,)
        check(code in wanted, f"{what}: exit code {code}, not {wanted}")
        return code

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends the process and says what was unclean about it."""
        complaints = []
        if self.transport == "stdio" and self._connection is None:
            for descriptor in (self._stdin, self._stdout):
                if descriptor is not None:
                    os.close(descriptor)
        if self.code is None and self.running():
            self.signal(signal.SIGTERM)
        try:
            code = self.wait(6)
            if code == SANITIZER_EXIT and self.trial.asan:
                complaints.append("a sanitizer reported an error")
            elif code < 0 and -code not in (signal.SIGTERM, signal.SIGKILL):
                complaints.append(f"the server died of {signal.Signals(-code).name}")
        except TimedOut:
            complaints.append("the server did not end after its connections closed and a SIGTERM")
            self.process.kill()
            self.code = self.process.wait()
        if self._drain is not None:
            self._drain.join(2)
        if any(mark in self.errors for mark in SANITIZER_MARKS):
            complaints.append("a sanitizer's report is on stderr")
        os.close(self._pidfd)
        return complaints

    # What it uses

    def _status(self, name):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(name):
                    return int(line.split()[1]) * 1024
        raise Failure(f"the server is gone ({name} asked)")

    def resident(self):
        """Bytes in memory now."""
        return self._status("VmRSS:")

    def peak(self):
        """The most bytes in memory so far."""
        return self._status("VmHWM:")

    def forget_peak(self):
        """`peak` begins anew."""
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as refs:
            refs.write("5")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        """Processor time used by all threads, from the scheduler's own count."""
        total = 0
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/schedstat", encoding="ascii") as stat:
                total += int(stat.read().split()[0])
        return total / 1e9

    def expect_idle(self, what, seconds=1.0):
        """Next to no processor time over this long."""
        before = self.cpu_seconds()
        time.sleep(seconds)
        used = self.cpu_seconds() - before
        check(
            used < 0.04 * seconds * self.trial.scale,
            f"{what}: {used * 1000:.0f} ms of processor time in {seconds:g} s",
        )

    def tcp_receive_queue(self, client_port):
        """Bytes that the kernel holds for the server's end of a connection."""
        local, remote = f":{self.port:04X}", f":{client_port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            for line in table:
                fields = line.split()
                if fields[1].endswith(local) and fields[2].endswith(remote):
                    return int(fields[4].split(":")[1], 16)
        return 0


def eventually(condition, seconds, reason):
    """Asks again until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(reason() if callable(reason) else reason)
        time.sleep(0.01)
