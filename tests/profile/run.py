#!/usr/bin/env python3
"""Tests the tools in tools/profile on recorded inputs, and on programs that only play their parts: nothing is measured.

    run.py [-k FILTER]
"""

import argparse
import contextlib
import copy
import io
import json
import os
import re
import sys
import tempfile
import textwrap
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded"
sys.path.insert(0, str(HERE.parents[1] / "tools" / "profile"))
import baseline  # noqa: E402
import compare  # noqa: E402
import differences  # noqa: E402
import flame  # noqa: E402
import instructions  # noqa: E402
import parts  # noqa: E402
import record  # noqa: E402
import stacks  # noqa: E402
import summary  # noqa: E402
import verdict  # noqa: E402
from names import short  # noqa: E402

CASES = []
THRESHOLDS = json.loads(compare.THRESHOLDS.read_text(encoding="utf-8"))


def case(title):
    def register(function):
        CASES.append((title, function))
        return function

    return register


def same(seen, wanted, what=""):
    if seen != wanted:
        raise AssertionError(f"{what}: {seen!r} instead of {wanted!r}")


def has(text, *pieces):
    for piece in pieces:
        if piece not in text:
            raise AssertionError(f"{piece!r} is not in {text!r}")


def recorded(name):
    return (RECORDED / name).read_text(encoding="utf-8")


def profile(**changes):
    """The recorded profile with figures replaced: part__key=value."""
    made = json.loads(recorded("profile.json"))
    for place, value in changes.items():
        part, key = place.split("__")
        made[part][key] = value
    return made


# --- reading ------------------------------------------------------------------------------------------------------

@case("names lose their template arguments, parameters and return types, and nothing else")
def names():
    for long, wanted in [
        ("main", "main"),
        ("[unknown]", "[unknown]"),
        ("antiphon::scan::(anonymous namespace)::checker::run()", "antiphon::scan::(anonymous)::checker::run"),
        ("std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back"),
        ("void boost::asio::dispatch<a<b>, c>(a<b>&&) const", "boost::asio::dispatch"),
        ("boost::asio::detail::binder2<x<y> >::operator()()", "boost::asio::detail::binder2::operator()"),
        ("a::operator<<(std::ostream&, a::b)", "a::operator<<"),
        ("operator new(unsigned long)", "operator new"),
        ("memcpy@GLIBC_2.2.5", "memcpy@GLIBC_2.2.5"),
    ]:
        same(short(long), wanted, long)


@case("what perf samples becomes stacks from the outermost function on")
def perf():
    seen = stacks.from_perf_script(recorded("perf_script.txt").splitlines())
    same(dict(seen), {
        ("main", "boost::asio::detail::descriptor_ops::non_blocking_read", "__libc_readv", "pipe_read_[k]",
         "_copy_to_iter_[k]"): 1,
        ("main", "antiphon::detail::scan::(anonymous)::checker::run"): 2,
        ("[unknown]", "antiphon::detail::connection::begin_result"): 1,
    })
    same(stacks.own_time(seen).most_common(1), [("antiphon::detail::scan::(anonymous)::checker::run", 2)])
    same(stacks.from_folded(stacks.to_folded(seen)), seen, "written and read again")


@case("callgrind's costs are those of a function without what it calls")
def callgrind():
    same(dict(stacks.from_callgrind(recorded("callgrind.txt").splitlines())),
         {"antiphon::detail::connection::on_frame": 500, "memcpy@GLIBC_2.2.5": 500})


@case("heaptrack's trace tells calls, peak, what was kept, and who asked")
def heaptrack():
    heap = stacks.from_heaptrack(recorded("heaptrack.txt").splitlines())
    same((heap.allocations, heap.freed, heap.peak_bytes), (3, 2, 0x440))
    same(dict(heap.stacks), {
        ("main", "boost::asio::run", "antiphon::detail::on_frame", "std::make_shared", "operator new"): 2,
        ("[unknown]",): 1,
    })
    same(dict(stacks.allocation_sites(heap.stacks)), {"antiphon::detail::on_frame": 2, "[unknown]": 1})


# --- the summary --------------------------------------------------------------------------------------------------

@case("the summary has the load, the top functions and sites, and the machine")
def whole_summary():
    text = summary.page(profile())
    has(text, "# pipelined, 2026-11-21", "## Load", "## Time: top functions", "## Instructions: 4237.4 a message",
        "## Heap: 0.0004 allocations a message", "latency, us: p50", "37.2, 38.5, 50.8, 64.9", "messages, errors",
        "checker::run", "gcc 12.2.0 release", "libfmt.so.9.1.0", "0123456789")
    if "Left out" in text:
        raise AssertionError("nothing was left out")
    if len(text.splitlines()) > 90:
        raise AssertionError("this is more than a page")


@case("the summary names what was left out, and why")
def part_of_a_summary():
    made = profile()
    del made["heap"]
    made["left_out"] = [{"part": "heap", "why": "`heaptrack` is not here: apt-get install heaptrack"}]
    text = summary.page(made)
    has(text, "**Left out: heap.** `heaptrack` is not here: apt-get install heaptrack")
    if "## Heap" in text:
        raise AssertionError("there is no heap part")


# --- recording ----------------------------------------------------------------------------------------------------

def program(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + textwrap.dedent(text), encoding="utf-8")
    path.chmod(0o755)


@contextlib.contextmanager
def programs_of(directory):
    """Only what the directory has can be found, and the shell."""
    before = os.environ["PATH"]
    os.environ["PATH"] = str(directory)
    try:
        yield
    finally:
        os.environ["PATH"] = before


@case("a profile without perf, valgrind and heaptrack has the load, and names the packages")
def without_tools():
    load = {"rate": 1000.0, "messages": 100, "errors": 0, "server_cpu_us_per_message": None,
            "client_cpu_us_per_message": 0.5, "latency_us": {"p50": 1, "p90": 2, "p99": 3, "p99_9": 4, "max": 5}}
    with tempfile.TemporaryDirectory() as scratch:
        bench = Path(scratch) / "build" / "benchmarks"
        bench.mkdir(parents=True)
        program(bench / record.LOAD[0], f"echo '{json.dumps(load)}'")
        program(bench / "antiphon_server", "")
        program(bench / "floor_server", "")
        program(bench / "antiphon-replay", "echo 'gcc 12'")
        out = Path(scratch) / "out"
        out.mkdir()
        said = io.StringIO()
        with programs_of(Path(scratch) / "empty"), contextlib.redirect_stderr(said):
            record.record(record.Build(Path(scratch) / "build"), "pingpong", 0.1, out)
        made = json.loads((out / "profile.json").read_text(encoding="utf-8"))
        text = (out / "summary.md").read_text(encoding="utf-8")
    same([left["part"] for left in made["left_out"]], ["cpu", "instructions", "heap"])
    same((made["load"]["rate_of_floor"], len(made["load"]["rounds"])), (1.0, parts.ROUNDS))
    for package in ("linux-perf", "valgrind", "heaptrack"):
        has(text, f"apt-get install {package}")
        has(said.getvalue(), f"LEFT OUT: ", f"apt-get install {package}")


# --- comparing ----------------------------------------------------------------------------------------------------

@case("a figure is worse or better beyond its threshold only, and not where the rounds overlap")
def one_verdict():
    less = {"wanted": "less", "percent": 3, "absolute": 0}
    more = {"wanted": "more", "percent": 10, "absolute": 0}
    small = {"wanted": "less", "percent": 2, "absolute": 0.01}
    for threshold, before, after, wanted in [
        (less, 1000, 1030, "same"), (less, 1000, 1031, "worse"), (less, 1000, 970, "same"), (less, 1000, 969, "better"),
        (more, 100, 89, "worse"), (more, 100, 91, "same"), (more, 100, 111, "better"),
        (small, 0.0004, 0.008, "same"), (small, 0.0, 0.02, "worse"), (small, 1.0, 1.03, "worse"),
    ]:
        same(verdict.judge_one(threshold, before, after), wanted, (before, after))
    same(verdict.judge_one(more, 100, 80, [90, 100, 110], [70, 80, 95]), "same", "rounds that overlap")
    same(verdict.judge_one(more, 100, 80, [96, 100, 110], [70, 80, 95]), "worse", "rounds apart")


@case("one figure that is worse makes all worse, whatever else got better")
def all_verdicts():
    for changes, wanted in [
        ({}, "same"),
        ({"instructions__per_message": 4237.4 * 1.05}, "worse"),
        ({"instructions__per_message": 4237.4 * 1.02}, "same"),
        ({"instructions__per_message": 4237.4 * 0.9}, "better"),
        ({"instructions__per_message": 4237.4 * 0.9, "load__errors": 1}, "worse"),
        ({"heap__leaked_allocations": 1}, "worse"),
        ({"heap__allocations_per_message": 1.0}, "worse"),
    ]:
        _, whole = verdict.judge(profile(), profile(**changes), THRESHOLDS)
        same(whole, wanted, changes)


@case("a slower server is found beside the floor, though the machine was faster this time")
def beside_the_floor():
    slower = profile(load__rate=9e9, load__rate_of_floor=0.2,
                     load__rounds=[{"rate": 9e9, "rate_of_floor": 0.2}] * 3)
    judged, whole = verdict.judge(profile(), slower, THRESHOLDS)
    by_name = {one.name: one.verdict for one in judged}
    same((whole, by_name["rate_of_floor"], by_name["rate"]), ("worse", "worse", "not judged"))


@case("rates of different machines are not judged; instructions are")
def other_machine():
    one, other = profile(), profile(facts__cpu="Another Processor", load__rate=1.0, instructions__per_message=1e6)
    for side in (one, other):
        del side["load"]["rate_of_floor"]
    judged, whole = verdict.judge(one, other, THRESHOLDS)
    by_name = {one.name: (one.verdict, one.why) for one in judged}
    same(by_name["rate"], ("not judged", "different machines"))
    same((by_name["instructions_per_message"][0], whole), ("worse", "worse"))


def compared(one, other):
    """What the command prints, its exit code and its page."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, made in (("A", one), ("B", other)):
            directory = Path(scratch) / name
            directory.mkdir()
            (directory / "profile.json").write_text(json.dumps(made), encoding="utf-8")
            (directory / "cpu.folded").write_text(f"main;<b>{name}</b> 3\nmain;read_[k] 1\n", encoding="utf-8")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = compare.compare([f"{scratch}/A", f"{scratch}/B"], compare.THRESHOLDS)
        return said.getvalue(), code, (Path(scratch) / "B" / "compared-with-A.html").read_text(encoding="utf-8")


@case("the command ends with the verdict, and with exit code 1 only when that is worse")
def command():
    for change, whole, wanted in ((1.05, "worse", 1), (1.0, "same", 0), (0.9, "better", 0)):
        text, code, _ = compared(profile(), profile(instructions__per_message=4237.4 * change))
        same((text.splitlines()[-1], code), (f"verdict: {whole}", wanted))
    text, *_ = compared(profile(), profile(facts__commit="fedcba"))
    has(text, "differs: commit: 0123456789 | fedcba")


@case("profiles of different workloads, or none, end the command with exit code 2")
def unusable():
    other = copy.deepcopy(profile())
    other["name"] = "large"
    with tempfile.TemporaryDirectory() as scratch:
        for name, made in (("A", profile()), ("B", other)):
            (Path(scratch) / name).mkdir()
            (Path(scratch) / name / "profile.json").write_text(json.dumps(made), encoding="utf-8")
        misspelt = Path(scratch) / "thresholds.json"
        misspelt.write_text('{"rates": {}}', encoding="utf-8")
        for arguments, complaint in (([f"{scratch}/A", f"{scratch}/B"], "different workloads"),
                                     ([f"{scratch}/A", f"{scratch}/C"], "no profile"),
                                     ([f"{scratch}/A", f"{scratch}/A", "--thresholds", str(misspelt)],
                                      "no figure is named rates"),
                                     ([f"{scratch}/A", f"{scratch}/A", "--thresholds", f"{scratch}/none"],
                                      "No such file")):
            said, before = io.StringIO(), sys.argv
            sys.argv = ["compare.py", *arguments]
            try:
                with contextlib.redirect_stderr(said):
                    same(compare.main(), 2)
            finally:
                sys.argv = before
            has(said.getvalue(), complaint)


@case("the page has a flame graph of each side, needs no network, and takes names for text")
def page():
    *_, text = compared(profile(), profile())
    same(len(re.findall(r'<svg class="flame"', text)), 2)
    has(text, "<p>left out</p>", "&lt;b&gt;A&lt;/b&gt;", "&lt;b&gt;B&lt;/b&gt;", 'class="verdict same"')
    for piece in ("http", "<b>A</b>", "src=", "@import"):
        if piece in text:
            raise AssertionError(f"{piece!r} is in the page")


@case("the page shows the functions that changed, those that changed most first, and no other")
def changed_functions():
    one, other = ({"cpu": {"samples": 4, "functions": functions}} for functions in (
        [["same", 0.5], ["gone", 0.1], ["less", 0.3], ["hardly", 0.1]],
        [["same", 0.5], ["new", 0.05], ["less", 0.15], ["hardly", 0.10001]]))
    same(differences.of_functions(one, other, "cpu", "functions", ".2%"), [
        ["less", "30.00%", "15.00%", "-15.00%"], ["gone", "10.00%", "0.00%", "-10.00%"],
        ["new", "0.00%", "5.00%", "+5.00%"]])
    same(differences.of_functions(one, {}, "cpu", "functions", ".2%"), None)
    a, b = profile(), profile()
    del b["instructions"]
    *_, text = compared(a, b)
    has(text, "<h2>Instructions a message</h2><p>left out</p>", "<h2>Allocations a message</h2><p>Nothing has changed.")


@case("a frame is as wide as its part, stands under its caller, and is marked where it changed")
def flame_graph():
    before = stacks.from_folded("main;a 50\nmain;b 50\n")
    after = stacks.from_folded("main;a 90\nmain;b 10\n")
    drawn = flame.graph(after, "B", "samples", before)
    places = {name: (kind, x, y, width) for kind, x, y, width, name in re.findall(
        r'<svg class="([^"]*)" x="([^"]*)" y="([^"]*)" width="([^"]*)"[^>]*><title>(\w+):', drawn)}
    same(places["a"], ("other more", "0.0000%", str(2 * flame.ROW), "90.0000%"))
    same(places["b"], ("other less", "90.0000%", str(2 * flame.ROW), "10.0000%"))
    same(places["main"], ("other", "0.0000%", str(flame.ROW), "100.0000%"))


# --- instructions -------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def playing_callgrind(instructions_a_message):
    """A build whose replay is right, and a valgrind that counts so many, and a million for the start."""
    with tempfile.TemporaryDirectory() as scratch:
        program(Path(scratch) / "build/benchmarks/antiphon-replay", '[ "$1" = --build ] && echo "gcc 12 fast"\ntrue\n')
        program(Path(scratch) / "bin/valgrind", f"""
            for last; do :; done
            echo "==1== Collected : $(({instructions_a_message} * last + 1000000))" >&2
            """)
        with programs_of(f"{scratch}/bin:{os.environ['PATH']}"):
            yield Path(scratch)


def checked(scratch, kept, *options):
    """What baseline.py says with this file, and its exit code."""
    file = scratch / "baseline.json"
    if kept is not None:
        file.write_text(json.dumps(kept), encoding="utf-8")
    said, before, place = io.StringIO(), sys.argv, (baseline.KEPT, baseline.ROOT)
    sys.argv = ["baseline.py", "--build", str(scratch / "build"), *options]
    baseline.KEPT, baseline.ROOT = file, scratch
    try:
        with contextlib.redirect_stdout(said):
            code = baseline.main()
    finally:
        sys.argv = before
        baseline.KEPT, baseline.ROOT = place
    return said.getvalue(), code, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


WORKLOADS = len(instructions.LENGTHS)


@case("a message that costs 5% more instructions than before fails, and so does one that costs 5% less")
def baseline_verdicts():
    with playing_callgrind(1000) as scratch:
        for kept, failed, said in ((1000, 0, ""), (975, 0, ""), (1025, 0, ""), (952, WORKLOADS, "above"),
                                   (1050, WORKLOADS, "./dev baseline --update")):
            text, code, _ = checked(scratch, {"gcc 12 fast": dict.fromkeys(instructions.LENGTHS, kept)})
            same((text.splitlines()[-1], code),
                 (f"{2 * WORKLOADS - failed} passed, {failed} failed", 1 if failed else 0), kept)
            has(text, said)


@case("a compiler without figures is skipped, and the output says how to add them")
def baseline_skips():
    with playing_callgrind(1000) as scratch:
        text, code, _ = checked(scratch, {"clang 19": {}})
        same((text.splitlines()[-1], code), (f"{WORKLOADS} passed, 0 failed, {WORKLOADS} skipped", 0))
        has(text, "nothing for 'gcc 12 fast'", "./dev baseline --update")


@case("--update writes this compiler's figures, and leaves the others'")
def baseline_update():
    with playing_callgrind(1000) as scratch:
        _, code, kept = checked(scratch, {"clang 19": {"call": 7}}, "--update")
        same((code, kept), (0, {"clang 19": {"call": 7}, "gcc 12 fast": dict.fromkeys(instructions.LENGTHS, 1000.0)}))


@case("a replay whose answers are wrong fails before anything is counted")
def wrong_answers():
    with playing_callgrind(1000) as scratch:
        program(scratch / "build/benchmarks/antiphon-replay", 'echo "an answer is wrong" >&2; exit 1\n')
        text, code, _ = checked(scratch, {})
        same((text.splitlines()[-1], code), (f"0 passed, {WORKLOADS} failed", 1))
        has(text, "an answer is wrong")


@case("the file that is kept has a figure of every workload for every compiler in it")
def kept_file():
    kept = json.loads(baseline.KEPT.read_text(encoding="utf-8"))
    if not kept:
        raise AssertionError("it is empty")
    for build, figures in kept.items():
        same(sorted(figures), sorted(instructions.LENGTHS), build)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    options = parser.parse_args()
    passed = failed = 0
    for title, function in CASES:
        if options.filter not in title:
            continue
        try:
            function()
            passed += 1
        except Exception:  # pylint: disable=broad-except
            print(f"FAILED {title}\n{textwrap.indent(traceback.format_exc(), '  ')}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
