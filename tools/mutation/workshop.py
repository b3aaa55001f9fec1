"""The copy of the tree in which mutants are built and tried: what is under the developer's hands is never touched."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

# Unit tests of the same floor first: they are quick to tell.
STAGES = {
    "streaming": ["unit-streaming", "fuzz-replay", "unit-lib", "integration"],
    "transport": ["unit-transport", "integration", "unit-lib", "unit-relay"],
    "lib": ["unit-lib", "integration", "unit-relay"],
    "lib/relay": ["unit-relay"],
    "lib/testing": ["unit-testing"],
}
PROGRAMS = {
    "unit-streaming": "tests/unit/streaming/antiphon-unit-streaming",
    "unit-transport": "tests/unit/transport/antiphon-unit-transport",
    "unit-lib": "tests/unit/lib/antiphon-unit-lib",
    "unit-relay": "tests/unit/relay/antiphon-unit-relay",
    "unit-testing": "tests/unit/testing/antiphon-unit-testing",
    "integration": "tests/integration/antiphon-integration",
}
# What the programs start; a mutant must be in these too.
ALSO = {
    "unit-relay": ["tests/relay/antiphon-relay-worker"],
    "integration": ["tests/conformance/antiphon-conformance", "examples/antiphon-custom-transport",
                    "examples/1_tutorial/antiphon-tutorial-server", "examples/1_tutorial/antiphon-tutorial-client"],
}
# How much longer than the whole tree a mutant may take before it hangs.
SLOWER, SECONDS_MORE = 4, 20
LONGEST = 900
MOST_MEMORY = 6 << 30
# A mutant may send a signal to the wrong process: in a process namespace of its own it finds none of ours, and
# nothing that it starts outlives it.
OWN_PROCESSES = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
# The first process there has no default signals and inherits orphans: that is no part for a test program.
FIRST_PROCESS = ["sh", "-c", '"$@"; exit $?', "sh"]


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def put(path, text):
    """What is the same keeps its time, and so isn't built again."""
    if path.read_text() != text:
        path.write_text(text)


class Workshop:
    """`place` is kept between runs, so that only what has changed is built."""

    def __init__(self, root, place):
        self.root, self.source, self.build = root, place / "source", place / "build"
        self.log = place / "log"
        self.times_file = place / "times.json"
        self.times = {}
        rootless = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.own = [*OWN_PROCESSES, *rootless, *FIRST_PROCESS]
        if subprocess.run([*self.own, "true"], capture_output=True).returncode != 0:
            sys.exit("mutate: no process namespaces here (unshare --pid); mutants would not be held in")

    def copy(self):
        """Brings the copy up to the tree; what is the same keeps its time, and so isn't built again."""
        listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=self.root,
                                capture_output=True, check=True).stdout
        wanted = {name for name in listed.decode().split("\0") if name and (self.root / name).is_file()}
        for name in wanted:
            old, new = self.source / name, (self.root / name)
            if not old.is_file() or old.read_bytes() != new.read_bytes():
                old.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(new, old)
                shutil.copymode(new, old)
        # The wraps that Meson fetched into the tree.
        for old in [path for path in self.source.rglob("*") if path.is_file()]:
            name = str(old.relative_to(self.source))
            if name not in wanted and not name.startswith(("subprojects/", "tests/interop/node_modules")):
                old.unlink()

    def configure(self):
        if (self.build / "build.ninja").is_file():
            return
        # Shared libraries: a mutant relinks one of them, and no test program.
        subprocess.run(["meson", "setup", str(self.build), str(self.source), "--buildtype=plain",
                        "-Ddefault_library=shared", "-Dbenchmarks=disabled", "-Db_lundef=false",
                        "-Dcpp_args=-D_GLIBCXX_ASSERTIONS"], check=True, stdout=subprocess.DEVNULL)

    def targets(self, stage):
        """Those that there are: a program whose libraries are missing is not built."""
        text = (self.build / "build.ninja").read_text()
        if stage == "fuzz-replay":
            return sorted(set(re.findall(r"^build (tests/fuzz/antiphon-replay-\w+):", text, re.MULTILINE)))
        return [target for target in [PROGRAMS[stage], *ALSO.get(stage, [])] if f"\nbuild {target}:" in text]

    def compile(self, stage):
        """Whether what a stage needs could be built."""
        with open(self.log, "wb") as sink:
            done = subprocess.run([os.environ.get("NINJA", "ninja"), "-C", str(self.build), *self.targets(stage)],
                                  stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
        return done.returncode == 0

    def command(self, stage):
        if stage == "fuzz-replay":
            return [sys.executable, "tests/fuzz/run.py", "--build", self.build, "--replay"]
        return [self.build / PROGRAMS[stage], "--abort-after=1", "--no-colors"]

    def run(self, stage, seconds):
        """None when all of it passes, otherwise what went wrong, in a few words."""
        with open(self.log, "wb") as sink:
            process = subprocess.Popen([*self.own, *self.command(stage)], cwd=self.source, stdin=subprocess.DEVNULL,
                                       stdout=sink, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=limit)
            try:
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                return f"hangs in {stage}"
            finally:
                process.kill()  # and with it, by --kill-child, all that it started
                process.wait()
        return None if code == 0 else self.failed_case() or f"{stage} ended with {code}"

    def failed_case(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return next((line.strip() for line in lines if line.startswith("TEST CASE:")), None)

    def prepare(self):
        self.copy()
        self.configure()
        if self.times_file.is_file():
            self.times = json.loads(self.times_file.read_text())

    def ready(self, stage):
        """Builds a stage with the tree as it is, and measures what it takes; it has to pass. Once."""
        if stage in self.times:
            return
        if not self.compile(stage):
            sys.exit(f"mutate: {stage} can't be built as it is: {self.log}")
        began = time.monotonic()
        problem = self.run(stage, LONGEST)
        if problem:
            sys.exit(f"mutate: {stage} fails as it is: {problem}: {self.log}")
        self.times[stage] = round(time.monotonic() - began, 1)
        self.times_file.write_text(json.dumps(self.times, indent=1) + "\n")

    def judge(self, mutant):
        """("killed", by what), ("survived", "") or ("unviable", why); the copy's text is put back after it."""
        path = self.source / mutant.path
        text = path.read_text()
        lines = text.split("\n")
        lines[mutant.number - 1] = mutant.after
        try:
            for stage in STAGES[self.floor(mutant.path)]:
                if stage not in self.times:
                    put(path, text)
                    self.ready(stage)
                put(path, "\n".join(lines))
                if not self.compile(stage):
                    return "unviable", "doesn't compile"
                problem = self.run(stage, self.times[stage] * SLOWER + SECONDS_MORE)
                if problem:
                    return "killed", problem
            return "survived", ""
        finally:
            put(path, text)

    @staticmethod
    def floor(path):
        """The longest of STAGES that the path lies in."""
        return max((floor for floor in STAGES if path.startswith(floor + "/")), key=len)
