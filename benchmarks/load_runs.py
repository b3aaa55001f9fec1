"""What the measurements of whole servers have in common, above all runs of `antiphon load`."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "build" / "bench"
# The load program in the build directory's benchmarks/, and what its command line begins with.
LOAD = ["../tools/antiphon/antiphon", "load"]


class Build:
    """A directory that Meson built into."""

    def __init__(self, directory):
        self.directory = Path(directory).resolve()

    def program(self, path):
        found = self.directory / "benchmarks" / path
        if not found.is_file():
            sys.exit(f"no program {found}")
        return str(found)

    def servers(self):
        """The command of each server that is compared, by the name it has in tables; the limit comes first."""
        return {
            "floor": [self.program("floor_server")],
            "asio": [self.program("asio_server")],
            "antiphon": [self.program("antiphon_server")],
            "vscode-jsonrpc": ["node", str(HERE / "servers" / "vscode_server.mjs")],
        }

    def start_load(self, options, server):
        """`antiphon load`, started: to be given to `result_of`."""
        command = [self.program(LOAD[0]), *LOAD[1:], *options, "--json", "--", *server]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result_of(load):
    """What `antiphon load` reports. Ends the program where the server failed: there is nothing to compare then."""
    output, _ = load.communicate()
    if load.returncode != 0:
        sys.exit(f"antiphon load failed with {load.returncode}: {' '.join(load.args)}")
    return json.loads(output)


def resident(pid):
    """The RSS of a process, in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Rss in smaps_rollup")


def conditions():
    """What the figures depend on, for whoever reads the file later."""
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), "unknown")
    return {"date": datetime.date.today().isoformat(), "cpu": model, "cores": os.cpu_count(),
            "kernel": os.uname().release, "load_average_before": round(os.getloadavg()[0], 2)}


def write_results(name, results):
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path
