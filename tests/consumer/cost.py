"""What it costs to compile a program that uses antiphon."""

import os
import subprocess

from cases import case, check

# What a reader of the tutorial waits for on a machine of two cores, and what reading names may cost.
SERVER_SECONDS = 5.0
NAMES_SECONDS = 0.2
# On a machine that is slower: the server beside the header of Boost that each program with coroutines reads.
TIMES_BOOST = 4.0
BOOST_ALONE = "#include <boost/asio/awaitable.hpp>\n"


def tutorial_server(yard):
    return (yard.source() / "examples/1_tutorial/server.cpp").read_text()


def seconds_to_compile(yard, *texts, enough=0.0):
    """Of the processor, for each text the best of three; one round does where all are under `enough`.

    They take turns, so that what else the machine does hits all of them."""
    include = yard.installed("static").path / "include"
    folder = yard.new_folder("cost")
    best = [float("inf")] * len(texts)
    for _ in range(3):
        for index, text in enumerate(texts):
            (folder / "unit.cpp").write_text(text)
            command = ["g++", "-std=c++20", f"-I{include}", "-c", "unit.cpp"]
            process = subprocess.Popen(command, cwd=folder, env=yard.base)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            check(process.returncode == 0, f"g++ ended with {process.returncode}")
            best[index] = min(best[index], usage.ru_utime)
        if max(best) < enough:
            break
    return best


@case(f"the tutorial's server compiles in under {SERVER_SECONDS:g} s, antiphon/fwd.hpp in under {NAMES_SECONDS:g} s",
      alone=True)
def cheap_to_compile(yard):
    names, = seconds_to_compile(yard, "#include <antiphon/fwd.hpp>\n", enough=NAMES_SECONDS)
    took, = seconds_to_compile(yard, tutorial_server(yard), enough=SERVER_SECONDS)
    print(f"compiled: the server {took:.1f} s, antiphon/fwd.hpp {names:.2f} s", flush=True)
    check(names < NAMES_SECONDS, f"antiphon/fwd.hpp: {names:.2f} s")
    if took >= SERVER_SECONDS:
        # A slow machine, or a busy one?
        cheap_beside_boost(yard)


@case(f"the tutorial's server compiles in {TIMES_BOOST:g} times what the header of Asio's coroutines does",
      slow=True, alone=True)
def cheap_beside_boost(yard):
    took, least = seconds_to_compile(yard, tutorial_server(yard), BOOST_ALONE)
    told = f"the server {took:.1f} s, Boost's header alone {least:.1f} s, {took / least:.2f} times"
    print(f"compiled: {told}", flush=True)
    check(took < TIMES_BOOST * least, told)
