#!/usr/bin/env python3
"""Records what clients and servers of the real world say to each other, as seeds: corpus/TARGET/session-NAME.

    record_sessions.py --server BUILD/tests/conformance/antiphon-conformance

Neovim edits a file with clangd, vscode-jsonrpc goes through the cases of tests/interop and the conformance suite
through some of its own with the program given. Between the two of them stands this file once more, and writes
down what passes. Before anything is kept, texts, lists and objects are cut short, and whatever names a place on
this machine is replaced; the frames are made anew.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
CORPUS = HERE / "corpus"
PATIENCE = 120
LONGEST_SESSION, MOST_SESSIONS = 3000, 8
LONGEST_TEXT, MOST_ELEMENTS, MOST_MEMBERS = 40, 2, 5
HEADER = re.compile(rb"(?:[^\r\n]+\r\n)*?Content-Length: *(\d+)\r\n(?:[^\r\n]+\r\n)*\r\n", re.IGNORECASE)
PLACE = re.compile(r"(?:file://)?/[^\s\"':,;()\[\]{}]+/[^\s\"':,;()\[\]{}]*")
# Cases of the conformance suite, by a part of their names.
CONFORMANCE = {
    "calls": "R19: a call back reaches the client",
    "cancelled": "R18: a queued request is cancelled",
    "late": "R18: unknown, late and malformed",
    "mixed": "R15: a mixed batch",
    "specification": "R15: the JSON-RPC 2.0 specification",
    "ids": "R16: an id already in flight",
    "wrong": "R13: a wrong parameter",
}

EDITOR = """
vim.cmd('edit a.cpp')
local client = assert(vim.lsp.start_client({
  name = 'clangd', cmd = { %r, %r, '--between', %r, 'clangd' }, root_dir = vim.fn.getcwd() }))
assert(vim.lsp.buf_attach_client(0, client))
assert(vim.wait(60000, function() return vim.lsp.get_client_by_id(client).initialized end, 20))
local function ask(method, more)
  local params = vim.tbl_extend('force', vim.lsp.util.make_position_params(0, 'utf-16'), more or {})
  vim.lsp.get_client_by_id(client).request_sync(method, params, 30000, 0)
end
vim.api.nvim_win_set_cursor(0, { 2, 19 })
ask('textDocument/hover')
ask('textDocument/definition')
vim.api.nvim_buf_set_lines(0, 1, 2, false, { 'int main() { return f(1, "x"); }' })
ask('textDocument/documentSymbol')
ask('textDocument/rename', { newName = 'g' })
ask('textDocument/noSuchThing')
vim.cmd('qa!')
"""


# ---------------------------------------------------------------- between client and server


def stand_between(directory, command):
    """Runs the command and writes down what it hears and says."""
    name = Path(directory) / uuid.uuid4().hex
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def pass_on(source, sink, log):
        with open(log, "wb") as copy:
            while data := os.read(source.fileno(), 65536):
                copy.write(data)
                copy.flush()
                try:
                    sink.write(data)
                    sink.flush()
                except BrokenPipeError:
                    break
        sink.close()

    hearing = threading.Thread(target=pass_on, args=(sys.stdin.buffer.raw, child.stdin, f"{name}.heard"), daemon=True)
    hearing.start()
    pass_on(child.stdout, sys.stdout.buffer, f"{name}.said")
    return child.wait()


def stand_in(directory, program):
    """A program that is started in place of another."""
    path = Path(directory) / "recorded"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" --between "{directory}" "{program}" "$@"\n')
    path.chmod(0o755)
    return path


def taken_from(directory):
    return [path.read_bytes() for path in sorted(Path(directory).glob("*.heard")) + sorted(Path(directory).glob("*.said"))]


# ---------------------------------------------------------------- sessions


def of_editor(directory):
    work = Path(directory) / "work"
    work.mkdir()
    (work / "a.cpp").write_text("int f(int n, const char *s);\nint main() { return f(1, 2); }\n")
    script = work / "script.lua"
    script.write_text(EDITOR % (sys.executable, str(Path(__file__).resolve()), str(directory)))
    subprocess.run(["nvim", "--headless", "--clean", "-n", "-c", f"luafile {script}"], cwd=work, timeout=PATIENCE,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, "XDG_STATE_HOME": str(work), "XDG_CACHE_HOME": str(work)})


def of_node(directory, server):
    subprocess.run(["node", TESTS / "interop" / "run.mjs", "--server", stand_in(directory, server), "--only", "stdio"],
                   timeout=PATIENCE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def of_conformance(directory, server, cases):
    subprocess.run([sys.executable, TESTS / "conformance" / "run.py", "--server", stand_in(directory, server), "-k", cases,
                    "--jobs", "2"],
                   timeout=PATIENCE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# ---------------------------------------------------------------- what is kept of them


def bodies_of(stream):
    """The bodies of a stream with headers, as long as it is one."""
    at = 0
    while match := HEADER.match(stream, at):
        at = match.end() + int(match[1])
        if at > len(stream):
            return
        yield stream[match.end() : at]


def shortened(value, depth=0):
    if isinstance(value, str):
        return PLACE.sub("file:///a.cpp", value)[:LONGEST_TEXT]
    if depth > 8:
        return None
    if isinstance(value, list):
        return [shortened(each, depth + 1) for each in value[:MOST_ELEMENTS]]
    if isinstance(value, dict):
        most = MOST_MEMBERS if depth > 0 else len(value)
        kept = {shortened(name): shortened(each, depth + 1) for name, each in list(value.items())[:most]}
        if "processId" in kept:
            kept["processId"] = 1
        return kept
    return value


def messages_of(stream):
    """Its messages, not the same twice, as long as they fit."""
    kept, size, seen = [], 0, set()
    for body in bodies_of(stream):
        try:
            message = shortened(json.loads(body))
        except ValueError:
            continue
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        shape = re.sub(rb"\d+", b"0", text)
        if shape in seen or len(text) > LONGEST_SESSION // 2:
            continue
        if size + len(text) + 24 > LONGEST_SESSION:
            break
        seen.add(shape)
        kept.append(text)
        size += len(text) + 24
    return kept


def write(target, name, content):
    directory = CORPUS / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"session-{name}").write_bytes(content)


def keep(name, streams):
    sessions = sorted({tuple(messages_of(stream)) for stream in streams} - {()}, key=len, reverse=True)[:MOST_SESSIONS]
    for number, messages in enumerate(sessions):
        headed = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(one), one) for one in messages)
        lines, texts = b"".join(one + b"\n" for one in messages), b"".join(messages)
        label = f"{name}-{number}"
        write("content_length", label, b"00" + headed)
        write("line", label, b"00" + lines)
        write("sequence", label, b"00" + texts)
        for style, stream in enumerate((headed, lines, texts)):
            write("endpoint", f"{label}-{('headers', 'lines', 'texts')[style]}", bytes([style, 0]) + b"0" + stream)
        for which, one in enumerate(sorted(messages, key=len)[-2:]):
            for target in ("message_view", "decode"):
                write(target, f"{label}-{which}", one)
    print(f"{name}: {len(sessions)} sessions of {len(streams)} streams")
    return len(sessions)


def main():
    if sys.argv[1:2] == ["--between"]:
        return stand_between(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description="Records sessions as seeds of the fuzz targets.")
    parser.add_argument("--server", required=True, type=Path, help="the program antiphon-conformance")
    server = parser.parse_args().server.resolve()
    for old in CORPUS.glob("*/session-*"):
        old.unlink()
    recorded = {
        "editor": of_editor,
        "node": lambda directory: of_node(directory, server),
        **{name: lambda directory, cases=cases: of_conformance(directory, server, cases) for name, cases in CONFORMANCE.items()},
    }
    found = []
    for name, record in recorded.items():
        with tempfile.TemporaryDirectory() as directory:
            try:
                record(directory)
            except subprocess.TimeoutExpired:
                print(f"{name}: it took too long")
            found.append(keep(name, taken_from(directory)))
    return 0 if all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
