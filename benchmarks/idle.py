#!/usr/bin/env python3
"""Measures what an idle connection costs in memory, and makes a table of it.

    idle.py BUILD_DIRECTORY [--connections N]

One process serves so many connections, each with an endpoint of its own that has answered one request and has
had nothing to do for a while. Its resident memory (RSS) is compared with what it was after the first connection had come and
gone, when the code was in memory already; and with a program that accepts as many sockets and does nothing with
them. The figures are also written to build/bench/idle.json.
"""

import argparse
import contextlib
import resource
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from load_runs import Build, conditions, resident, write_results
from report import print_cells

KIB = 1024.0
BAR_KIB = 8.0
REQUEST = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":["is anybody there?"]}'
FRAME = b"Content-Length: %d\r\n\r\n%s" % (len(REQUEST), REQUEST)
# A connection is at rest once nothing has moved on it for two seconds; by then it has given back what it can.
REST_S = 2.5
REPLY_END = b'"result":["is anybody there?"]}'


def open_descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.contextmanager
def running(command, **options):
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def address_of(text):
    if text.startswith("/"):
        return text
    host, port = text.rsplit(":", 1)
    return host, int(port)


def connected(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_STREAM)
    peer.settimeout(20)
    peer.connect(address)
    return peer


def exchange_request(peer):
    peer.sendall(FRAME)
    received = b""
    while not received.endswith(REPLY_END):
        piece = peer.recv(4096)
        if not piece:
            raise RuntimeError("the server has hung up")
        received += piece


def await_byte(peer):
    if peer.recv(1) != b"x":
        raise RuntimeError("the server has hung up")


def bytes_each(process, address, count, greet):
    """How much `count` connections add to the process's RSS, divided by their number."""
    descriptors = open_descriptors(process.pid)
    first = connected(address)
    greet(first)
    first.close()
    # A program that keeps its sockets keeps this one too; the others have to let go of it.
    if greet is exchange_request:
        while open_descriptors(process.pid) != descriptors:
            time.sleep(0.001)
    before = resident(process.pid)
    peers = []
    for _ in range(count):
        peer = connected(address)
        greet(peer)
        peers.append(peer)
    time.sleep(REST_S)
    after = resident(process.pid)
    for peer in peers:
        peer.close()
    return before, (after - before) / count


def measure_endpoints(program, transport, count):
    with tempfile.TemporaryDirectory() as directory:
        where = ["--tcp"] if transport == "tcp" else ["--unix", f"{directory}/socket"]
        with running([program, *where], stdout=subprocess.PIPE, text=True) as server:
            address = address_of(server.stdout.readline().strip())
            return bytes_each(server, address, count, exchange_request)


def measure_bare(program, transport, count):
    with tempfile.TemporaryDirectory() as directory:
        family, address = ((socket.AF_INET, ("127.0.0.1", 0)) if transport == "tcp"
                           else (socket.AF_UNIX, f"{directory}/socket"))
        with socket.create_server(address, family=family, backlog=128) as listening:
            with running([program, "--bare"], stdin=listening) as server:
                return bytes_each(server, listening.getsockname(), count, await_byte)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench idle", description="What an idle connection costs in memory.")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--connections", type=int, metavar="N", default=1000, help="how many (1000)")
    given = parser.parse_args()
    count = given.connections
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * count + 256) if most > 0 else 4 * count + 256, most))

    program = Build(given.build).program("idle_server")
    rows = [["KiB a connection", "with endpoints", "bare sockets", "beyond these", "wanted", ""]]
    results = []
    for transport in ("unix", "tcp"):
        process, endpoints = measure_endpoints(program, transport, count)
        _, bare = measure_bare(program, transport, count)
        beyond = endpoints - bare
        met = beyond <= BAR_KIB * KIB
        rows.append([transport, f"{endpoints / KIB:.2f}", f"{bare / KIB:.2f}", f"{beyond / KIB:.2f}",
                     f"at most {BAR_KIB:g}", "met" if met else "SHORT"])
        results.append({"transport": transport, "process_rss": process, "endpoint_bytes": endpoints,
                        "bare_bytes": bare, "beyond_bytes": beyond, "wanted_bytes": BAR_KIB * KIB, "met": met})
    print(f"{count} idle connections in one process; without them it has "
          f"{results[0]['process_rss'] / KIB / KIB:.1f} MiB\n")
    print_cells(rows, left=1)
    print(f"\n{write_results('idle', {**conditions(), 'connections': count, 'results': results})}")


if __name__ == "__main__":
    main()
