"""The place where consumers are built: a clean prefix with antiphon in it, a copy of its sources, and how programs are
compiled and run there with nothing of the tree, and little of what its user's environment says."""

import itertools
import os
import shlex
import shutil
import signal
import subprocess
import threading
from concurrent.futures import Future
from contextlib import suppress
from json import loads
from pathlib import Path

from cases import Failure, check, need

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPILERS = ("g++", "clang++-19")
STANDARDS = ("c++20", "c++23")
LOUD = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
# The program that calls each part, and the part's name.
PARTS = {"call": "antiphon", "relay": "antiphon_relay", "testing": "antiphon_testing"}


class Prefix:
    """An installed antiphon. It was configured for /usr/local and lies in a folder."""

    def __init__(self, folder):
        self.sysroot, self.path = folder, folder / "usr/local"
        found = list(self.path.glob("**/antiphon.pc"))
        check(len(found) == 1, f"there is not one antiphon.pc but {found}")
        self.pkgconfig = found[0].parent
        self.libdir = self.pkgconfig.parent

    def environment(self):
        return {"PKG_CONFIG_PATH": str(self.pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(self.sysroot),
                "CMAKE_PREFIX_PATH": str(self.path), "LD_LIBRARY_PATH": str(self.libdir)}


class Yard:
    """A temporary directory, and what several cases use in it, each made once."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.lock = threading.Lock()
        self.made = {}
        self.numbers = itertools.count(1)
        keep = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "CCACHE_DIR")
        self.base = {name: os.environ[name] for name in keep if name in os.environ}
        # The folder has another name each time.
        self.base.update(CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1")
        self.ccache = ["ccache"] if shutil.which("ccache") else []

    def once(self, name, make):
        """What `make` returns or raises. Who asks while it is being made waits."""
        with self.lock:
            known = name in self.made
            made = self.made.setdefault(name, Future())
        if not known:
            try:
                made.set_result(make())
            except Exception as problem:
                made.set_exception(problem)
        return made.result()

    def new_folder(self, name):
        folder = self.folder / f"{next(self.numbers)}-{name}"
        folder.mkdir()
        return folder

    def run(self, *command, cwd=None, code=0, seconds=1200, environment=None, text=None):
        """What it printed; how it ended is checked."""
        line = shlex.join(map(str, command))
        with subprocess.Popen([str(part) for part in command], cwd=cwd or self.folder, text=True,
                              env={**self.base, **(environment or {})}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                told, _ = process.communicate(text, timeout=seconds)
            except subprocess.TimeoutExpired:
                end_all(process.pid)
                raise Failure(f"still running after {seconds} s: {line}") from None
        if process.returncode != code:
            last = "\n".join(told.splitlines()[-40:])
            raise Failure(f"exit code {process.returncode}, not {code}: {line}\n{last}")
        return told

    def compiler(self, name="g++"):
        need(name)
        return [*self.ccache, name]

    def meson_environment(self, compiler="g++"):
        return {"CXX": " ".join(self.compiler(compiler))}

    def introspect(self, build, what):
        return loads(self.run("meson", "introspect", f"--{what}", build))

    def source(self):
        """A copy of what git knows, or would if it were asked to add it."""

        def make():
            folder = self.folder / "source"
            listed = self.run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z")
            for name in filter(None, listed.split("\0")):
                if not (ROOT / name).is_file():
                    continue  # removed, and not yet committed
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
            return folder

        return self.once("source", make)

    def own_kind(self):
        """What BUILD's libraries are: static, shared or both."""
        options = self.introspect(self.build, "buildoptions")
        return next(option["value"] for option in options if option["name"] == "default_library")

    def installed(self, kind):
        """antiphon built as `kind` and installed. What BUILD is, is taken from there."""

        def make():
            folder = self.folder / f"installed-{kind}"
            build = self.build
            if kind != self.own_kind():
                build = self.folder / f"build-{kind}"
                self.run("meson", "setup", build, self.source(), f"-Ddefault_library={kind}", "--buildtype=debug",
                         *(f"-D{part}=disabled" for part in ("tests", "examples", "benchmarks", "tools")),
                         environment=self.meson_environment())
                self.run("meson", "compile", "-C", build)
            self.run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
            return Prefix(folder)

        return self.once(f"installed-{kind}", make)

    def flags(self, prefix, kind, *packages):
        """What pkg-config says: the --cflags or the --libs."""
        return shlex.split(self.run("pkg-config", kind, *packages, environment=prefix.environment()))

    def compile(self, prefix, source, *options, package="antiphon", compiler="g++", standard="c++20"):
        """Compiles one of the programs and runs it."""
        folder = self.new_folder(source)
        shutil.copy(HERE / f"{source}.cpp", folder)
        program = folder / source
        self.run(*self.compiler(compiler), f"-std={standard}", *LOUD, *options, "-c", f"{source}.cpp",
                 *self.flags(prefix, "--cflags", package), "-MD", cwd=folder)
        self.stays_outside(folder)
        self.run(compiler, f"{source}.o", *self.flags(prefix, "--libs", package), "-o", program, cwd=folder)
        self.run(program, seconds=60, environment=prefix.environment())

    def stays_outside(self, folder):
        """None of the files that were compiled there are of the tree."""
        told = "".join(file.read_text() for file in folder.glob("**/*.d"))
        if (folder / "build.ninja").exists():
            told += self.run("ninja", "-C", folder, "-t", "deps")
        check("antiphon/endpoint.hpp" in told, f"nothing of antiphon was compiled in {folder}")
        check(f"{ROOT}/" not in told, lambda: next(line for line in told.splitlines() if f"{ROOT}/" in line))


def end_all(pid):
    """Kills a process with all that it has started: what Meson starts would go on without it."""
    children = []
    with suppress(OSError):  # it ends by itself meanwhile
        for thread in Path(f"/proc/{pid}/task").glob("*/children"):
            children += map(int, thread.read_text().split())
        os.kill(pid, signal.SIGKILL)
    for child in children:
        end_all(child)
