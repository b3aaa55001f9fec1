#!/usr/bin/env python3
"""Compares two profiles: the differences, a verdict, and a page with a flame graph of each.

    compare.py A B    directories that ./dev profile wrote, or their names in profiles/; A is the older one

Each figure is better, worse or the same by the thresholds in thresholds.json: it must differ by more than `percent`
and by more than `absolute`; where it was measured in several rounds, each of B's must lie beyond each of A's. One that
is worse makes the verdict worse (exit code 1); else one that is better makes it better (0); else it is the same (0).
Figures with `without_floor` depend on the machine's speed at that time: they are judged only where the floor was not
measured beside them, and never between different machines. Wrong usage is 2.
"""

import argparse
import json
import os
import sys
from collections import namedtuple
from html import escape
from pathlib import Path

import flame
import stacks
import summary

ROOT = Path(__file__).resolve().parents[2]
THRESHOLDS = Path(__file__).with_name("thresholds.json")

# Where each figure stands in profile.json.
FIGURES = {
    "instructions_per_message": ("instructions", "per_message"),
    "allocations_per_message": ("heap", "allocations_per_message"),
    "peak_heap_bytes": ("heap", "peak_bytes"),
    "leaked_allocations": ("heap", "leaked_allocations"),
    **{name: ("load", name) for name in ("rate_of_floor", "p50_of_floor", "p99_of_floor", "rate", "p50_us", "p99_us",
                                         "errors")},
}
MACHINE = ("cpu", "cores", "kernel")
# What differs anyway, and says nothing of what was measured.
UNTOLD = ("load_average_before",)

Judged = namedtuple("Judged", "name before after verdict why", defaults=[""])


class Unusable(Exception):
    """The two can't be compared; the text says why."""


def load(name):
    directory = next((place for place in (Path(name), ROOT / "profiles" / name) if (place / "profile.json").is_file()),
                     None)
    if directory is None:
        raise Unusable(f"no profile {name}")
    return directory, json.loads((directory / "profile.json").read_text(encoding="utf-8"))


def figure(profile, name):
    part, key = FIGURES[name]
    return profile.get(part, {}).get(key)


def rounds(profile, name):
    return [one[name] for one in profile.get("load", {}).get("rounds", []) if name in one]


def overlap(some, others):
    """Whether the rounds are mixed up, so that their difference may be chance."""
    return bool(some and others) and min(some) <= max(others) and min(others) <= max(some)


def judge_one(threshold, before, after, before_rounds=(), after_rounds=()):
    gain = before - after if threshold["wanted"] == "less" else after - before
    least = max(abs(before) * threshold["percent"] / 100, threshold["absolute"])
    if abs(gain) <= least or overlap(before_rounds, after_rounds):
        return "same"
    return "better" if gain > 0 else "worse"


def same_machine(one, other):
    return all(one["facts"].get(fact) == other["facts"].get(fact) for fact in MACHINE)


def judge(one, other, thresholds):
    """Each figure's verdict, and that of all."""
    if one["name"] != other["name"] or one["load_options"] != other["load_options"]:
        raise Unusable(f"different workloads: {one['name']} {' '.join(one['load_options'])} and "
                       f"{other['name']} {' '.join(other['load_options'])}")
    alike = same_machine(one, other)
    with_floor = all(figure(side, "rate_of_floor") is not None for side in (one, other))
    judged = []
    for name, threshold in thresholds.items():
        before, after = figure(one, name), figure(other, name)
        if before is None or after is None:
            which = " and ".join(side for side, value in (("A", before), ("B", after)) if value is None)
            judged.append(Judged(name, before, after, "not judged", f"{which} has none"))
        elif threshold.get("without_floor") and with_floor:
            judged.append(Judged(name, before, after, "not judged", "it depends on the moment"))
        elif threshold.get("without_floor") and not alike:
            judged.append(Judged(name, before, after, "not judged", "different machines"))
        else:
            what = judge_one(threshold, before, after, rounds(one, name), rounds(other, name))
            judged.append(Judged(name, before, after, what))
    verdicts = {one.verdict for one in judged}
    if not verdicts & {"worse", "better", "same"}:
        raise Unusable("they have no figure in common")
    return judged, next(verdict for verdict in ("worse", "better", "same") if verdict in verdicts)


def number(value):
    return "" if value is None else f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def change(before, after):
    return f"{after / before - 1:+.1%}" if before and after is not None else ""


def rows_of(judged):
    return [[one.name.replace("_", " "), number(one.before), number(one.after), change(one.before, one.after),
             f"{one.verdict}: {one.why}" if one.why else one.verdict] for one in judged]


def different_facts(one, other):
    names = list(dict.fromkeys([*one["facts"], *other["facts"]]))
    pairs = [(name, one["facts"].get(name), other["facts"].get(name)) for name in names if name not in UNTOLD]
    return [[name, str(before), str(after)] for name, before, after in pairs if before != after]


def different_functions(one, other, part, key):
    """The functions whose figures differ most: name, A's, B's."""
    before, after = (dict(profile.get(part, {}).get(key, [])) for profile in (one, other))
    names = sorted({*before, *after}, key=lambda name: -abs(after.get(name, 0) - before.get(name, 0)))
    return [[name, before.get(name, 0), after.get(name, 0)] for name in names[:summary.TOP]]


# --- the page -----------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light; }
body { margin: 1rem; font: 15px/1.4 system-ui, sans-serif; color: #222; background: #fff; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 32rem), 1fr)); gap: 1rem; }
.sides > * { min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } td, th { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #ddd; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { font-weight: 600; } .worse { color: #b00000; } .better { color: #00702a; }
.key span { display: inline-block; padding: 0 .5rem; margin: 0 .3rem .3rem 0; }
.functions td:first-child { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
h1, h3, p { overflow-wrap: break-word; } th { white-space: nowrap; }
"""
KEY = [("own", "antiphon", "#f4a460"), ("asio", "Boost", "#f3dc8b"), ("std", "std", "#cfe3b4"),
       ("kernel", "kernel", "#b4c7e3"), ("other", "other libraries", "#dcdcdc")]


def html_table(heads, rows, numbers=(), kind=""):
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = []
    for row in rows:
        verdict = row[-1] if row[-1] in ("worse", "better") else ""
        cells = "".join(f'<td class="{"number" if at in numbers else verdict if at == len(row) - 1 else ""}">'
                        f"{escape(str(cell))}</td>" for at, cell in enumerate(row))
        body.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll {kind}"><table><tr>{head}</tr>{"".join(body)}</table></div>'


def function_table(rows):
    return html_table(["", "A", "B", "change"], rows, (1, 2, 3), "functions")


def flames(title, unit, file, one, other):
    """Both sides' graphs of one kind; a side that left it out says so."""
    read = [stacks.from_folded((directory / file).read_text(encoding="utf-8")) if (directory / file).is_file() else None
            for directory, _ in (one, other)]
    sides = []
    for at, (side, (_, profile)) in enumerate((("A", one), ("B", other))):
        if read[at]:
            drawn = flame.graph(read[at], f"{side}, {profile['time']}", unit, read[0] if at == 1 else None)
        else:
            drawn = "<p>left out</p>"
        sides.append(f"<section><h3>{side}: {escape(profile['time'])}</h3>{drawn}</section>")
    return f"<h2>{escape(title)}</h2><div class=\"sides\">{''.join(sides)}</div>"


def page(one, other, judged, verdict):
    (_, a), (_, b) = one, other
    key = "".join(f'<span style="background:{colour}">{name}</span>' for _, name, colour in KEY)
    functions = [[name, f"{before:.2%}", f"{after:.2%}", f"{after - before:+.2%}"]
                 for name, before, after in different_functions(a, b, "cpu", "functions")]
    counted = [[name, f"{before:.1f}", f"{after:.1f}", f"{after - before:+.1f}"]
               for name, before, after in different_functions(a, b, "instructions", "functions")]
    sites = [[name, f"{before:.4f}", f"{after:.4f}", f"{after - before:+.4f}"]
             for name, before, after in different_functions(a, b, "heap", "sites")]
    facts = different_facts(a, b)
    parts = [
        f"<h1>{escape(a['name'])}: <span class=\"verdict {verdict}\">{verdict}</span></h1>",
        f"<p>A: {escape(a['time'])}, B: {escape(b['time'])}. A function's part is its own, without what it calls.</p>",
        html_table(["", "A", "B", "change", "verdict"], rows_of(judged), (1, 2, 3)),
        "<h2>What else differs</h2>" + (html_table(["", "A", "B"], facts) if facts else "<p>Nothing.</p>"),
        f'<p class="key">{key}<br>In B a red edge marks what takes a larger part than in A by more than '
        f"{flame.MARKED:.0%} of all, a blue one a smaller. Click a frame to look closer, the top one to go back.</p>",
        flames("Time (samples of cpu-clock)", "samples", "cpu.folded", one, other),
        flames("Allocations", "allocations", "heap.folded", one, other),
        "<div class=\"sides\">",
        "<section><h2>Time: what changed most</h2>" + function_table(functions) + "</section>",
        "<section><h2>Instructions a message</h2>" + function_table(counted) + "</section>",
        "<section><h2>Allocations a message</h2>" + function_table(sites) + "</section>",
        "</div>",
    ]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(a["name"])}: {verdict}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}{flame.STYLE}</style></head><body>{''.join(parts)}<script>{flame.SCRIPT}</script></body>"
            "</html>\n")


def print_rows(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if at in (0, len(row) - 1) else cell.rjust(width)
                        for at, (cell, width) in enumerate(zip(row, widths))).rstrip())


def compare(names, thresholds_file):
    one, other = (load(name) for name in names)
    thresholds = json.loads(Path(thresholds_file).read_text(encoding="utf-8"))
    judged, verdict = judge(one[1], other[1], thresholds)
    print_rows([["", "A", "B", "change", "verdict"], *rows_of(judged)])
    for row in different_facts(one[1], other[1]):
        print(f"differs: {row[0]}: {row[1]} | {row[2]}")
    target = other[0] / f"compared-with-{one[0].resolve().name}.html"
    target.write_text(page(one, other, judged, verdict), encoding="utf-8")
    print(f"page: {os.path.relpath(target)}\nverdict: {verdict}")
    return 1 if verdict == "worse" else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev profile-compare", description="Compares two profiles.")
    parser.add_argument("profiles", nargs=2, metavar="PROFILE", help="a directory, or its name in profiles/")
    parser.add_argument("--thresholds", default=THRESHOLDS, help="another file than tools/profile/thresholds.json")
    options = parser.parse_args()
    try:
        return compare(options.profiles, options.thresholds)
    except Unusable as reason:
        print(f"profile-compare: {reason}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
