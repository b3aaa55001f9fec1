"""Which mutants a few lines have, what is argued about lines that are gone, and what is noticed about programs that
don't end well."""

import tempfile
from pathlib import Path

from checking import tell_cases
from mutation.mutants import mutants_of
from mutation.running import Run, doctest_passes

# (source text, what each mutant makes of its last line)
SAMPLES = [
    ("if (a == b) c();", {"if (a != b) c();"}),
    ("if (a && !b) c();", {"if (a || !b) c();", "if (!(a && !b)) c();"}),
    ("return size <= 64;", {"return size < 64;", "return size > 64;", "return size <= 65;", "return size <= 63;"}),
    ("++depth_;", {";"}),
    ("queue_.pop_front();", {";"}),
    ("left -= taken;", {"left += taken;", ";"}),
    ("return;", {";"}),
    ("bool done = false;", {"bool done = true;"}),
    ("auto next = std::min(a, b);", {"auto next = std::max(a, b);"}),
    # The second line is part of a call, and so are strings and comments no code.
    ("call(first,\n     other(x));", set()),
    ('log("a == b");  // a < b', {";"}),
    ("/* x\n   y && z */", set()),
    ('put(R"(a && b)");', {";"}),
    ("virtual int size() const = 0;", set()),
    ("template <class T, bool Fast = true>", set()),
    ("std::vector<int> all;", set()),
    ("void take(buffer&& from);", set()),
    ("bool operator==(const id& other) const;", set()),
    ("static_assert(sizeof(id) == 16);", set()),
]

# (what a shell runs, whether that is a problem; how long it may take and be silent, for one that runs for ever)
RUNS = [
    ("echo fine", None),
    ("exit 3", "ended with 3"),
    ("kill -SEGV $$", "ended with -11"),
    ("echo begun; sleep 600", "hangs", 60, 0.5),
    ("while :; do echo on and on; sleep 0.1; done", "hangs", 1, 60),
]


def problems(outdated):
    """`outdated`: (path, line, mutant) of what is argued in equivalent.json about nothing any more."""
    yield "\n".join(f"equivalent.json: {path} has no line {line!r} that becomes {mutant!r}"
                    for path, line, mutant in outdated)
    for text, wanted in SAMPLES:
        last = len(text.split("\n"))
        found = {mutant.after for mutant in mutants_of("sample.cpp", text) if mutant.number == last}
        yield found != wanted and f"{text!r}: {sorted(found)}, not {sorted(wanted)}"
    with tempfile.TemporaryDirectory() as place:
        for script, wanted, *limits in RUNS:
            problem = Run(["sh", "-c", script], place, Path(place) / "log", *limits).problem
            yield problem != wanted and f"{script!r}: {problem}, not {wanted}"
        output = "TEST CASE:  a\n0.1 s: a\nTEST CASE:  b, c\n1.500000 s: b, c\n"
        done = Run(["printf", output], place, Path(place) / "log")
    passes = doctest_passes("program", {"silence": 9, "slow": done.slow_cases()})
    filters = [command[-1] for _, command in passes]
    yield filters != ["--test-case-exclude=b? c", "--test-case=b? c"] and f"slow cases: {passes}"
    yield done.last_case() != "TEST CASE:  b, c" and f"last case: {done.last_case()}"


def run(outdated):
    return tell_cases(problems(outdated))
