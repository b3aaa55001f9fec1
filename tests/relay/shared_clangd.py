"""Two Neovims that share one clangd: the first starts the relay as its language server, the other joins by a socket."""

import os
import subprocess
import sys
from pathlib import Path

from relay_process import check, children_of, eventually

HERE = Path(__file__).resolve().parent
PATIENCE = 60


class Editor:
    """A Neovim that knows nothing of its user, with a file of its own."""

    def __init__(self, nvim, name, directory, server):
        self.name, self.directory = name, directory
        (directory / f"{name}.cpp").write_text(f"int function_of_{name}();\nint two = mistake_of_{name};\n")
        self.results = directory / f"results-{name}"
        self.results.touch()
        self.output = directory / f"output-{name}"
        home = {f"XDG_{kind}_HOME": str(directory / name / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
        with open(self.output, "wb") as sink:
            self.process = subprocess.Popen(
                [nvim, "--headless", "--clean", "-n", "-c", f"luafile {HERE / 'sharing_editor.lua'}"],
                cwd=directory, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                env={**os.environ, **home, "SERVER": "\n".join(server), "NAME": name, "RESULTS": str(self.results)})

    def says(self, word):
        def said():
            lines = self.results.read_text().splitlines()
            check(not [line for line in lines if line.startswith("FAIL")], lambda: f"{self.name}: {lines}")
            check(self.process.poll() is None or "done" in lines,
                  lambda: f"{self.name} has ended: {lines}, {self.output.read_text(errors='replace')}")
            return word in lines

        eventually(said, lambda: f"{self.name} says {word!r}: {self.results.read_text()}", PATIENCE)

    def finish(self):
        (self.directory / f"end-{self.name}").touch()
        self.says("done")
        check(self.process.wait(timeout=PATIENCE) == 0, self.output.read_text(errors="replace"))

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def run(program, nvim, clangd, directory):
    place = directory / "clangd.sock"
    relay = [program, "relay", "--share", "--listen", "stdio", "--listen", f"unix:{place}", "--", clangd,
             "--background-index=false", "--log=error"]
    editors = [Editor(nvim, "first", directory, relay)]
    try:
        first = editors[0]
        first.says("diagnostics")
        eventually(place.exists, "the socket is there")
        editors.append(Editor(nvim, "second", directory, [sys.executable, str(HERE / "through_socket.py"), str(place)]))
        second = editors[1]
        for word in ("answers", "edits"):
            for editor in editors:
                editor.says(word)
        servers = [child for pid, _ in children_of(first.process.pid) for child, _ in children_of(pid)]
        check(len(servers) == 1, f"not one clangd but {servers}")
        second.finish()
        first.finish()
        eventually(lambda: not os.path.exists(f"/proc/{servers[0]}"), "clangd is gone")
    finally:
        for editor in editors:
            editor.close()
