"""What the figures of a profile depend on: the machine, the build, the libraries."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import instructions

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from load_runs import conditions  # noqa: E402


def output_of(*command):
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def libraries(program):
    """The shared libraries with their full versions, as far as file names tell."""
    paths = re.findall(r"=> (/\S+)", output_of("ldd", program))
    return sorted(Path(path).resolve().name for path in paths)


def facts(build, seconds):
    commit = output_of("git", "rev-parse", "HEAD")
    return {
        **conditions(),
        "compiler": instructions.build_of(build.program("antiphon-replay")),
        "libc": " ".join(platform.libc_ver()),
        "libraries": libraries(build.program("antiphon_server")),
        "commit": commit or "unknown",
        "dirty": bool(output_of("git", "status", "--porcelain")) if commit else None,
        "seconds_a_round": seconds,
    }
