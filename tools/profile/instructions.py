"""Counts the instructions that a message costs, with callgrind on a fixed replay.

Neither the load of the machine nor its kind enters: the scanner of the JSON text is sse2, which all x86-64 have, and
the C library is kept from choosing its memcpy by the processor. The difference of a long and a short run is taken, so
that start-up and warming up cancel.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

# The messages of the short and of the long run, in multiples of what a round of the workload holds.
LENGTHS = {
    "request": (1000, 5000),
    "pipelined": (1600, 8000),
    "coroutine": (1000, 4000),
    "notification": (3200, 16000),
    "batch": (1000, 5000),
    "call": (1000, 4000),
    "large": (4, 12),
    "mixed": (280, 1400),
}

PINNED = {
    "ANTIPHON_SCANNER": "sse2",
    # Without these, memcpy and strlen differ between processors, and with the sizes of their caches.
    "GLIBC_TUNABLES": ":".join([
        "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-EVEX,-ERMS,-FSRM,-BMI2,-RTM,-SSSE3,-SSE4_1,-SSE4_2,"
        "-AVX_Fast_Unaligned_Load,-Fast_Copy_Backward,-Fast_Unaligned_Copy",
        "glibc.cpu.x86_non_temporal_threshold=0x1000000",
    ]),
    "LC_ALL": "C",
}
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")


class CountingFailed(Exception):
    """The replay went wrong under callgrind; its text says how."""


def callgrind():
    """The path of valgrind; None where it is missing."""
    return shutil.which("valgrind")


def run(program, workload, messages, output="/dev/null"):
    """The instructions of one run of the replay. `output`: where callgrind's own file goes."""
    command = [callgrind(), "--tool=callgrind", f"--callgrind-out-file={output}", program, workload, str(messages)]
    environment = {"PATH": os.environ.get("PATH", ""), **PINNED}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = COLLECTED.search(done.stderr)
    if done.returncode != 0 or not found:
        raise CountingFailed(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return int(found[1])


def check_answers(program, workload):
    """Runs the short replay by itself. Throws CountingFailed where an answer is not the right one."""
    done = subprocess.run([program, workload, str(LENGTHS[workload][0])], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CountingFailed(f"{program} {workload} failed with {done.returncode}: {done.stderr}")


def per_message(program, workloads):
    """The instructions a message, by workload."""
    jobs = [(workload, messages) for workload in workloads for messages in LENGTHS[workload]]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        counts = list(pool.map(lambda job: run(program, *job), jobs))
    by_job = dict(zip(jobs, counts))
    figures = {}
    for workload in workloads:
        short, long = LENGTHS[workload]
        figures[workload] = (by_job[workload, long] - by_job[workload, short]) / (long - short)
    return figures


def build_of(program):
    """What the counts depend on: compiler, build type, processor family, Boost."""
    return subprocess.run([program, "--build"], capture_output=True, text=True, check=True).stdout.strip()
