#!/usr/bin/env python3
"""Lets every system call of a server, and of a client, go wrong in turn, while the two have a conversation.

    run.py --build DIR --server PATH [-k FILTER] [-v] [--jobs N]

A case is one call, one fault and one way to be connected: the n-th such call fails (tests/faults/faults.cpp), for
n = 1, 2, ... until a conversation ends before the n-th call. Errors that only mean "again" (EINTR, EAGAIN) and
short counts must not change a byte. Others may end the connection, or the program with an exit code of its own;
they may not give a wrong answer, hang, spin, kill it, leave descriptors of its parent non-blocking, or leave a
child process behind. The last line counts the cases.
"""

import argparse
import collections
import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))

from connection import Closed, Failure, TimedOut, brief, check, check_error, check_result, encode, request  # noqa: E402
from descriptors import Recorded  # noqa: E402
from harness import Case, Trial  # noqa: E402
from messages import LONG, cancel  # noqa: E402
from process import eventually  # noqa: E402

# What goes wrong, and how often.
ALL = 1_000_000
AGAIN = ("EINTR:1", "EINTR:3", "EAGAIN:1", "short:1", f"short:{ALL}")
READS = (*AGAIN, "ECONNRESET:1", "EIO:1")
WRITES = (*AGAIN, "EPIPE:1", "ECONNRESET:1", "ENOSPC:1", "EIO:1")
DESCRIPTORS = ("EMFILE:1", "ENOMEM:1")
FILE_FAULTS = ("EINTR:1", "EINTR:3", "short:1", f"short:{ALL}", "EIO:1")
# Not here is what the library calls and the kernel always does for an open descriptor and a valid request: fcntl
# of flags, ioctl, sigaction, timerfd_settime.
ANYWHERE = {
    "epoll_create": DESCRIPTORS, "epoll_ctl": ("ENOSPC:1",), "epoll_wait": ("EINTR:1", "EINTR:3"),
    "eventfd": DESCRIPTORS, "timerfd_create": DESCRIPTORS, "mmap": ("ENOMEM:1",), "mremap": ("ENOMEM:1",),
    "munmap": ("ENOMEM:1",), "pipe": DESCRIPTORS, "close": ("EINTR:1", "EIO:1"),
}  # fmt: skip
GIVEN_SOCKET = {**ANYWHERE, "recv": READS, "sendmsg": WRITES, "getsockopt": ("EACCES:1",)}
# Where nobody shares it, Asio reads from a socket as from a file.
SOCKET = {**GIVEN_SOCKET, "read": READS, "socket": DESCRIPTORS, "shutdown": ("ENOTCONN:1",)}
LISTENER = {
    **SOCKET, "bind": ("EACCES:1", "EADDRINUSE:1"), "listen": ("EADDRINUSE:1",),
    "accept4": ("EINTR:1", "EINTR:3", "EAGAIN:1", "ECONNABORTED:1", "ENFILE:1", *DESCRIPTORS),
    "setsockopt": ("ENOMEM:1",),
}  # fmt: skip
CHILD = {
    **ANYWHERE, "read": READS, "writev": WRITES, "posix_spawnp": ("EAGAIN:1", "ENOMEM:1", "ENOENT:1"),
    "pidfd_open": (*DESCRIPTORS, "ENOSYS:1"), "waitid": ("EINTR:1", "EINTR:3"), "waitpid": ("EINTR:1",),
}  # fmt: skip
FAULTS = {
    "pipes": {
        **ANYWHERE, "read": READS, "writev": WRITES, "open": ("EMFILE:1", "EACCES:1"), "dup2": ("EBUSY:1",),
    },
    # Pipes that can't be opened anew, as in a sandbox without /proc: shared with whoever started the program.
    "shared pipes": {
        **ANYWHERE, "read": READS, "writev": WRITES, "poll": ("EINTR:1", "EINTR:3"), "dup": DESCRIPTORS,
    },
    "a socket pair": {**GIVEN_SOCKET, "dup": DESCRIPTORS},
    "files": {
        **ANYWHERE, "read": FILE_FAULTS, "writev": (*FILE_FAULTS, "ENOSPC:1"), "dup": DESCRIPTORS,
        "open": ("EMFILE:1",), "fstat": ("EIO:1",),
    },
    "a Unix socket": {
        **LISTENER, "open": ("EMFILE:1",), "flock": ("EINTR:1", "EAGAIN:1", "ENOLCK:1"),
        "lstat": ("EACCES:1", "ENOENT:1"), "unlink": ("EACCES:1",), "fchmod": ("EPERM:1",), "chmod": ("EPERM:1",),
        "connect": ("EACCES:1", "EAGAIN:1"), "write": ("EAGAIN:1", "EIO:1", "ENOSPC:1", "short:1"),
    },
    "TCP": {**LISTENER, "getsockname": ("ENOBUFS:1",)},
    # From here on the client is the one that goes wrong.
    "a child's pipes": CHILD,
    "a spawned server's pipes": {**CHILD, "open": ("EMFILE:1",)},
    "a Unix socket that it connects to": {
        **SOCKET, "connect": ("EINTR:1", "EAGAIN:1", "ECONNREFUSED:1", "EACCES:1"),
    },
    "TCP that it connects to": {
        **SOCKET, "connect": ("EINTR:1", "ECONNREFUSED:1", "ETIMEDOUT:1", "EADDRNOTAVAIL:1"),
        "setsockopt": ("ENOMEM:1",),
    },
}  # fmt: skip
AGAIN_ONLY = ("EINTR", "EAGAIN", "short", "ECONNABORTED")
# What is closed is closed, and a line on standard error is worth less than a connection.
NEVER_MATTERS = ("close", "munmap", "flock", "setsockopt", "write")
# What has to go wrong ahead of it, or it isn't called.
FIRST = {"waitpid": "pidfd_open:EMFILE:1:1"}
MOST = 300
SECONDS = 15
# A conversation takes a tenth of it, in single bytes half.
PROCESSOR_SECONDS = 1.5
BIG = "x" * 150_000


def is_harmless(kind, call, error):
    if call in NEVER_MATTERS:
        return True
    if call in FIRST:
        return False
    if error == "EAGAIN":
        # No more processes; or somebody else listens, and is busy.
        return call != "posix_spawnp" and not (call == "connect" and kind in TRANSPORTS)
    return error in AGAIN_ONLY


def converse(connection):
    """The fixed conversation; each answer is checked."""
    check_result(connection.call("echo", ["first"], 1), ["first"], 1)
    connection.send([request("echo", [2], 2), request("bump"), request("none", [], 3)], request("bump"))
    answers = sorted(connection.receive(), key=lambda answer: answer["id"])
    check_result(answers[0], [2], 2)
    check_error(answers[1], -32601, 3)
    check_result(connection.call("count", [], 4), 2, 4)
    check_result(connection.call("echo", [BIG], 5), [BIG], 5)
    connection.send(request("call_back", {"method": "client/m", "params": [6]}, 6))
    called = connection.receive()
    check(called.get("method") == "client/m" and called.get("params") == [6], f"a call was due: {brief(called)}")
    connection.send({"jsonrpc": "2.0", "id": called["id"], "result": "six"})
    check_result(connection.receive(), "six", 6)
    connection.send(request("sleep", LONG, 7), request("sleep", {"ms": 2}, 8))
    check_result(connection.receive(), 2, 8)
    connection.send(cancel(7))
    check_error(connection.receive(), -32800, 7)


def end_of_stdio(server, harmless):
    code = server.wait(SECONDS)
    check(code == 0 if harmless else 0 <= code < 128, f"the exit code is {code}")


class Flags:
    """Keeps the descriptors that a server was started with until it has ended, to see what became of their flags.

    They are closed then at once, since whoever reads what it wrote waits for that.
    """

    def __init__(self, descriptors):
        self.copies = [os.dup(descriptor) for descriptor in descriptors]
        self.before = self.look()
        self.after = None

    def look(self):
        return [fcntl.fcntl(copy, fcntl.F_GETFL) for copy in self.copies]

    def wait(self, server):
        """On a thread of its own."""
        descriptor = os.pidfd_open(server.pid)
        select.select([descriptor], [], [], 3 * SECONDS)
        os.close(descriptor)
        self.after = self.look()
        for copy in self.copies:
            os.close(copy)

    def check(self):
        check(self.after == self.before, f"the flags of descriptors that aren't its own: {self.before}, {self.after}")


def over_stdio(t, environment, harmless, kind):
    if kind == "a socket pair":
        ours, theirs = socket.socketpair()
        stdin = stdout = theirs.detach()
        reader = writer = ours.detach()
    else:
        stdin, writer = os.pipe()
        reader, stdout = os.pipe()
    if kind == "shared pipes":
        environment["ANTIPHON_FAULT_NO_PROC"] = "1"
    given = {stdin, stdout}
    flags = Flags(given)
    server = t.start(stdin=stdin, stdout=stdout, environment=environment)
    watching = threading.Thread(target=flags.wait, args=(server,))
    watching.start()
    connection = t.adopt(server, reader, writer)
    for descriptor in given:
        os.close(descriptor)
    try:
        talk_to_the_end(connection, server, harmless)
    finally:
        if server.running():
            server.signal(signal.SIGKILL)
        watching.join()
    flags.check()


def talk_to_the_end(connection, server, harmless):
    try:
        converse(connection)
        if connection.reader == connection.writer:
            with socket.socket(fileno=os.dup(connection.writer)) as ours:
                ours.shutdown(socket.SHUT_WR)
        else:
            connection.half_close()
    except Failure as failure:
        may_be(failure, harmless)
        connection.close()
    end_of_stdio(server, harmless)


def may_be(failure, harmless):
    """The connection was closed, or a request failed for want of memory."""
    ended = isinstance(failure, Closed) or "the output ends inside a message" in str(failure)
    if harmless or not (ended or "'internal error'" in str(failure)):
        raise failure


def over_files(t, environment, harmless, _kind):
    messages = [request("echo", ["first"], 1), request("echo", [BIG], 2), request("sleep", {"ms": 2}, 3),
                [request("echo", [4], 4), request("none", [], 5)], request("bump"), request("echo", ["last"], 6)]  # fmt: skip
    with open(t.path("input"), "w+b") as source, open(t.path("output"), "w+b") as sink:
        for message in messages:
            body = encode(message)
            source.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        source.flush()
        source.seek(0)
        server = t.start(stdin=source.fileno(), stdout=sink.fileno(), environment=environment)
        code = server.wait(SECONDS)
        check(0 <= code < 128, f"the exit code is {code}")
        sink.seek(0)
        data = sink.read()
    recorded = Recorded(t, server, data)
    due = {1: ["first"], 2: [BIG], 3: 2, 4: [4], 5: None, 6: ["last"]}
    try:
        for message in recorded.messages():
            for answer in message if isinstance(message, list) else [message]:
                value = due.pop(answer["id"])
                if value is None:
                    check_error(answer, -32601, 5)
                else:
                    check_result(answer, value, answer["id"])
    except Failure as failure:
        may_be(failure, harmless)
        check(code != 0 or "internal error" in str(failure), "an answer is cut, and the exit code is 0")
        return
    check(not due if code == 0 or harmless else True, f"no answers to {list(due)}, and exit code {code}")
    check(code == 0 or not harmless, f"the exit code is {code}")


def over_listener(t, environment, harmless, kind):
    umask = -1
    if kind == "a Unix socket":
        # What somebody left who has died, and rights that have to be given back.
        umask = 0o377
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(t.path("s0"))
    server = t.start(environment=environment, umask=umask, ready=False)
    try:
        if environment["ANTIPHON_FAULT"].startswith("write:"):
            eventually(lambda: answers(server), SECONDS, "nobody listens")
        else:
            server.wait_ready()
    except Failure:
        check(not harmless, "it doesn't listen")
        server.expect_exit(range(1, 128), SECONDS, "it doesn't listen")
        return
    if kind == "a Unix socket":
        mode = os.stat(server.address).st_mode & 0o777
        check(mode == 0o600, f"others may use its socket, or we may not: {mode:o}")
    try:
        converse(server.connect())
    except Failure as failure:
        may_be(failure, harmless)
        t.connections[-1].close()
    # That one alone: the next is served. Unless what goes wrong goes wrong there.
    try:
        converse_again(server)
    except Failure as failure:
        may_be(failure, harmless)
        converse_again(server)
    for connection in t.connections:
        connection.close()
    # Asio doesn't ask whether it could watch for signals, so that is tried last.
    connection = server.connect()
    connection.send_raw(connection.frame(request("exit")), tolerate=True)
    connection.close()
    try:
        server.wait(2)
    except TimedOut:
        server.signal(signal.SIGTERM)
    server.expect_exit((0, 1), SECONDS, "after exit")


def answers(server):
    try:
        server.connect()
    except Failure:
        return False
    return True


def converse_again(server):
    connection = server.connect()
    check_result(connection.call("echo", [BIG], 1), [BIG], 1)
    connection.close()


def as_client(t, environment, harmless, kind):
    """The client goes wrong, and what it starts or talks to does not."""
    how = CLIENTS[kind]
    server = t.start() if how in ("unix", "tcp") else None
    where = str(server.port or server.address) if server else t.program
    with open(t.path("output"), "w+b") as output, open(t.path("errors"), "w+b") as errors:
        client = subprocess.Popen(
            [t.client, how, where], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            env=dict(os.environ, **environment), start_new_session=True,
        )  # fmt: skip
        try:
            ended_in_time(client, SECONDS * t.scale)
        finally:
            client.kill()
            code = client.wait()
            left = 0 if server else end_orphans(client.pid)
        output.seek(0)
        errors.seek(0)
        said, complaint = output.read(), errors.read()
    if server:
        server.expect_serving()
        # It may have been left with a handler that sleeps, which it would give its time.
        server.signal(signal.SIGKILL)
    check(left == 0, f"exit code {code}, and {left} child processes are left")
    if code == 0:
        check(said == b"right\n", f"exit code 0, and it says {said!r}")
    else:
        check(not harmless and code == 1, f"the exit code is {code}: {complaint!r}")
        check(complaint.startswith(b"error: "), f"exit code 1, and it says {complaint!r}")


def ended_in_time(process, seconds):
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], seconds)[0]:
            raise TimedOut(f"the client did not end within {seconds:g} s")
    finally:
        os.close(descriptor)


def adopt_orphans():
    """In each process of ours: what a client leaves behind becomes a child of its own."""
    set_child_subreaper = 36  # linux/prctl.h
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def end_orphans(group):
    """How many processes of this group run on, or were never waited for, now that nobody else has any."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    left = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
            left += 1
    return left


CLIENTS = {"a child's pipes": "child", "a spawned server's pipes": "spawn",
           "a Unix socket that it connects to": "unix", "TCP that it connects to": "tcp"}  # fmt: skip
WAYS = {"pipes": over_stdio, "shared pipes": over_stdio, "a socket pair": over_stdio, "files": over_files,
        "a Unix socket": over_listener, "TCP": over_listener, **dict.fromkeys(CLIENTS, as_client)}  # fmt: skip
TRANSPORTS = {"a Unix socket": "unix", "TCP": "tcp"}


def play(programs, kind, call, what, n, directory, scale):
    """One conversation. Says whether the fault happened."""
    report = os.path.join(directory, "report")
    with open(report, "wb"):
        pass
    error, count = what.split(":")
    environment = {
        "LD_PRELOAD": programs.shim, "ANTIPHON_FAULT": f"{call}:{error}:{n}:{count}", "ANTIPHON_FAULT_REPORT": report,
        "ANTIPHON_FAULT_FIRST": FIRST.get(call, ""),
    }  # fmt: skip
    transport = TRANSPORTS.get(kind) or CLIENTS.get(kind, "stdio")
    trial = Trial(Case("", None, (), transport, "content-length", False, SECONDS), programs.server, False, scale)
    trial.client = programs.client
    used = processor_seconds()
    failed = True
    try:
        WAYS[kind](trial, environment, is_harmless(kind, call, error), kind)
        failed = False
    finally:
        complaints = trial.finish(failed)
        if failed and complaints:
            print("  and: " + "; ".join(complaints), flush=True)
    spent = processor_seconds() - used
    faults = os.path.getsize(report)
    most = PROCESSOR_SECONDS * scale
    if spent >= most:  # On a slow machine many calls may take longer, but not much longer than they take here.
        most = max(most, 8 * scale * seconds_for_calls(faults))
    check(spent < most, f"{spent:.2f} s of processor time, {most:.2f} s would be fine")
    return faults > 0


def processor_seconds(whose=resource.RUSAGE_CHILDREN):
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def seconds_for_calls(count):
    """Processor seconds that this machine takes now for moving so many bytes through a pipe, one by one."""
    reader, writer = os.pipe()
    used = processor_seconds(resource.RUSAGE_SELF)
    for _ in range(count):
        os.write(writer, b"x")
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return processor_seconds(resource.RUSAGE_SELF) - used


Programs = collections.namedtuple("Programs", "shim server client")


def title(kind, call, what):
    error, count = what.split(":")
    times = {"1": "once", str(ALL): "always"}.get(count, f"{count} times")
    return f"{call}: {error} {times}, over {kind}"


def _timed_out(_signal, _frame):
    raise Failure("the run hit its time limit")


def run_case(job):
    programs, kind, call, what, scale = job
    name = title(kind, call, what)
    n = 0
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _timed_out)
    with tempfile.TemporaryDirectory(prefix="antiphon-faults-") as directory:
        try:
            reached = True
            most = 1 if what.endswith(str(ALL)) else MOST
            while reached and n < most:
                n += 1
                signal.setitimer(signal.ITIMER_REAL, 3 * SECONDS * scale)
                reached = play(programs, kind, call, what, n, directory, scale)
            signal.setitimer(signal.ITIMER_REAL, 0)
            check(n > 1 or reached, "the program never makes that call: the table is wrong")
        except Failure as failure:
            return name, n, f"n = {n}: {failure}", time.monotonic() - started
        except Exception:  # a fault of the suite itself must show as a failure, with its place
            return name, n, f"n = {n}: {traceback.format_exc()}", time.monotonic() - started
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    return name, n - (not reached), None, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="where tests/faults is built")
    parser.add_argument("--server", required=True, help="antiphon-conformance")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    parser.add_argument("-v", dest="verbose", action="store_true", help="name the cases that pass as well")
    parser.add_argument("--jobs", type=int, default=6)
    arguments = parser.parse_args()
    built = os.path.join(os.path.abspath(arguments.build), "tests", "faults")
    programs = Programs(os.path.join(built, "libantiphon-faults.so"), os.path.abspath(arguments.server),
                        os.path.join(built, "antiphon-faults-client"))  # fmt: skip
    for path in programs:
        if not os.path.exists(path):
            parser.error(f"{path} is not there")
    scale = float(os.environ.get("ANTIPHON_TIME_SCALE", "1"))
    jobs = [
        (programs, kind, call, what, scale)
        for kind, calls in FAULTS.items()
        for call, faults in calls.items()
        for what in faults
    ]
    jobs = [job for job in jobs if arguments.filter in title(*job[1:4])]
    passed = failed = conversations = 0
    started = time.monotonic()
    with multiprocessing.get_context("fork").Pool(arguments.jobs, adopt_orphans) as pool:
        for name, count, reason, seconds in pool.imap_unordered(run_case, jobs):
            conversations += count
            if reason:
                failed += 1
                print(f"FAILED  {name}\n  {reason}", flush=True)
            else:
                passed += 1
                if arguments.verbose:
                    print(f"passed  {name}: {count} conversations ({seconds:.1f} s)", flush=True)
    print(f"{conversations} conversations with a fault in {time.monotonic() - started:.1f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
