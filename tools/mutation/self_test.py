"""Which mutants a few lines have."""

from mutation.mutants import mutants_of

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


def run():
    failed = 0
    for text, wanted in SAMPLES:
        last = len(text.split("\n"))
        found = {mutant.after for mutant in mutants_of("sample.cpp", text) if mutant.number == last}
        if found != wanted:
            failed += 1
            print(f"{text!r}: {sorted(found)}, not {sorted(wanted)}")
    print(f"{len(SAMPLES) - failed} passed, {failed} failed")
    return 1 if failed else 0
