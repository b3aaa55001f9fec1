#!/usr/bin/env python3
"""Drives antiphon-json-language-server with Neovim's built-in LSP client, headless.

usage: run_neovim.py --server PATH

The cases are in neovim_client.lua. The last line is `N passed, N failed`.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "neovim_client.lua"
PATIENCE = 120


class Editor:
    """A Neovim that knows nothing of its user, in a directory of its own."""

    def __init__(self, nvim, server, directory, **environment):
        self.results = directory / "results"
        self.results.touch()
        self.output = directory / "output"
        home = {f"XDG_{kind}_HOME": str(directory / kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        with open(self.output, "wb") as sink:
            self.process = subprocess.Popen(
                [nvim, "--headless", "--clean", "-n", "-c", f"luafile {SCRIPT}"],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                env={**os.environ, **home, "SERVER": server, "RESULTS": str(self.results), **environment},
            )

    def lines(self):
        return self.results.read_text(errors="replace").splitlines()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def report(name, why=""):
    print(f"FAIL {name}: {why}" if why else f"ok   {name}", flush=True)
    return not why


def client_cases(nvim, server, directory):
    """Every case of neovim_client.lua, and that the editor came to its end."""
    editor = Editor(nvim, server, directory)
    why = ""
    try:
        code = editor.process.wait(timeout=PATIENCE)
        if code != 0:
            why = f"exit code {code}"
    except subprocess.TimeoutExpired:
        why = f"still running after {PATIENCE} s"
    finally:
        editor.end()
    lines = editor.lines()
    if not why and (not lines or lines[-1] != "done"):
        why = "it ended before its last case"
    if why:
        why += f"; it said: {editor.output.read_text(errors='replace')}"
    outcomes = [report(line[3:]) for line in lines if line.startswith("ok ")]
    for line in lines:
        if line.startswith("FAIL "):
            name, reason = line[5:].split(": ", 1)
            outcomes.append(report(name, reason.replace("\\n", "\n     ")))
    outcomes.append(report("the editor runs every case to its end", why))
    return outcomes


def running(pid):
    """Whether a process that is not ours runs; one that has ended but awaits its parent does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def killed_editor(nvim, server, directory):
    """A server whose editor is gone for good goes too."""
    name = "a killed editor leaves no server behind"
    editor = Editor(nvim, server, directory, ONLY_ATTACH="1")
    server_pid = None
    try:
        found = wait_until(lambda: re.search(r"^pid \d+$", "\n".join(editor.lines()), re.M), 20)
        if not found:
            return [report(name, f"the server did not start: {editor.output.read_text(errors='replace')}")]
        server_pid = int(editor.lines()[-1].split()[1])
        if not running(server_pid):
            return [report(name, "the server was gone before")]
        editor.end()
        gone = wait_until(lambda: not running(server_pid), 15)
        return [report(name, "" if gone else "it still runs after 15 s")]
    finally:
        editor.end()
        if server_pid and running(server_pid):
            os.kill(server_pid, signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, help="path of antiphon-json-language-server")
    server = str(Path(parser.parse_args().server).resolve())

    nvim = shutil.which("nvim")
    if nvim is None:
        print("SKIP Neovim is not installed (nvim), so nothing drove the JSON language server")
        print("0 passed, 0 failed, 1 skipped")
        return 0

    outcomes = []
    for cases in (client_cases, killed_editor):
        with tempfile.TemporaryDirectory(prefix="antiphon-nvim-") as directory:
            outcomes += cases(nvim, server, Path(directory))
    failed = outcomes.count(False)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
