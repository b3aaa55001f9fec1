"""The copy of the tree in which mutants are built and tried: what is under the developer's hands is never touched."""

import json
import os
import re
import shutil
import subprocess
import sys

from house import ROOT
from mutation.running import LONGEST, SECONDS_MORE, SLOWER, Run, doctest_passes, own_processes

sys.path.append(str(ROOT / "tests"))
from run import SUITES  # noqa: E402

# Those that are the quickest to tell first.
STAGES = {
    "streaming": ["unit-streaming", "fuzz-replay", "integration", "unit-lib"],
    "transport": ["unit-transport", "integration", "unit-relay", "unit-lib"],
    "lib": ["unit-lib", "integration", "unit-relay", "unit-allocations", "unit-allocation-failures"],
    "lib/relay": ["unit-relay", "unit-allocation-failures"],
    "lib/testing": ["unit-testing"],
}
LIBRARIES = ["libantiphon.a", "lib/relay/libantiphon_relay.a", "lib/testing/libantiphon_testing.a"]
PROGRAMS = {suite.name: suite.command[0].removeprefix("{build}/") for suite in SUITES if suite.kind == "doctest"}
# What the programs start; a mutant must be in these too.
ALSO = {
    "unit-relay": ["tests/relay/antiphon-relay-worker"],
    "integration": ["tests/conformance/antiphon-conformance", "examples/3_advanced/antiphon-custom-transport",
                    "examples/1_tutorial/antiphon-tutorial-server", "examples/1_tutorial/antiphon-tutorial-client"],
}


def put(path, text):
    """What is the same keeps its time, and so isn't built again."""
    if path.read_text() != text:
        path.write_text(text)


class Workshop:
    """`place` is kept between runs, so that only what has changed is built."""

    def __init__(self, root, place):
        # In the copy as in the tree: so the compiler's cache knows the files.
        self.root, self.source, self.build = root, place / "source", place / "source" / "build"
        self.log = place / "log"
        # Of each stage, with the tree as it is: how long it takes and is silent, and which cases are slow.
        self.measured, self.measured_file = {}, place / "measured.json"
        self.own = own_processes()

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
        # What is built, and the wraps that Meson fetched into the tree.
        for old in [path for path in self.source.rglob("*") if path.is_file()]:
            name = str(old.relative_to(self.source))
            if name not in wanted and not name.startswith(("build/", "subprojects/")):
                old.unlink()

    def configure(self):
        if (self.build / "build.ninja").is_file():
            return
        # As `./dev build` and CI configure it, so that their objects are taken from the cache.
        environment = os.environ | {"CXX": str(self.source / "tools/mutation/compiler.sh"), "CXXFLAGS": "-g1"}
        subprocess.run(["meson", "setup", str(self.build), str(self.source), "-Ddeveloper=true",
                        "-Dbenchmarks=disabled"], env=environment, check=True, stdout=subprocess.DEVNULL)

    def targets(self, stage):
        """Those that there are: a program whose libraries are missing is not built."""
        text = (self.build / "build.ninja").read_text()
        if stage == "fuzz-replay":
            return sorted(set(re.findall(r"^build (tests/fuzz/antiphon-replay-\w+):", text, re.MULTILINE)))
        return [target for target in [PROGRAMS[stage], *ALSO.get(stage, [])] if f"\nbuild {target}:" in text]

    def compile(self, targets, mutant=False):
        """Whether they could be built; see compiler.sh."""
        environment = os.environ | ({"ANTIPHON_MUTANT": "1"} if mutant else {"CCACHE_NOHASHDIR": "1"})
        with open(self.log, "wb") as sink:
            done = subprocess.run([os.environ.get("NINJA", "ninja"), "-C", str(self.build), *targets],
                                  env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT)
        return done.returncode == 0

    def compile_unchanged(self, targets):
        if not self.compile(targets):
            sys.exit(f"mutate: the tree can't be built as it is: {self.log}")

    def passes(self, stage, measured):
        if stage == "fuzz-replay":
            return [(measured["silence"], [sys.executable, "tests/fuzz/run.py", "--build", self.build, "--replay"])]
        return doctest_passes(self.build / PROGRAMS[stage], measured)

    def run(self, stage):
        """None when all of it passes, otherwise what went wrong, in a few words."""
        measured = self.measured[stage]
        seconds = measured["seconds"] * SLOWER + SECONDS_MORE
        for silence, command in self.passes(stage, measured):
            done = Run([*self.own, *command], self.source, self.log, seconds, silence * SLOWER + SECONDS_MORE)
            if done.problem:
                return f"{stage} {done.problem} {done.last_case()}".strip()
        return None

    def prepare(self):
        self.copy()
        self.configure()
        if self.measured_file.is_file():
            self.measured = json.loads(self.measured_file.read_text())

    def measure(self, stage):
        """Builds and runs a stage with the tree as it is; it has to pass."""
        self.compile_unchanged(self.targets(stage))
        [(_, command)] = self.passes(stage, {"silence": LONGEST, "slow": []})
        done = Run([*self.own, *command], self.source, self.log)
        if done.problem:
            sys.exit(f"mutate: {stage} fails as it is: {done.problem}: {self.log}")
        self.measured[stage] = {"seconds": round(done.seconds, 1), "silence": round(done.silence, 1),
                                "slow": done.slow_cases()}
        self.measured_file.write_text(json.dumps(self.measured, indent=1) + "\n")

    def judge(self, mutant):
        """("killed", by what), ("survived", "") or ("unviable", why); the copy's text is put back after it."""
        path = self.source / mutant.path
        text = path.read_text()
        lines = text.split("\n")
        lines[mutant.number - 1] = mutant.after
        self.compile_unchanged(LIBRARIES)  # so that nothing is left of the mutant before
        try:
            for stage in STAGES[self.floor(mutant.path)]:
                if stage not in self.measured:
                    put(path, text)
                    self.measure(stage)
                put(path, "\n".join(lines))
                if not self.compile(self.targets(stage), mutant=True):
                    return "unviable", "doesn't compile"
                problem = self.run(stage)
                if problem:
                    return "killed", problem
            return "survived", ""
        finally:
            put(path, text)

    @staticmethod
    def floor(path):
        """The longest of STAGES that the path lies in."""
        return max((floor for floor in STAGES if path.startswith(floor + "/")), key=len)
