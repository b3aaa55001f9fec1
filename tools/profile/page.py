"""The HTML page that compares two profiles, with a flame graph of each. It needs no network."""

from html import escape

import differences
import flame
import stacks

STYLE = """
:root { color-scheme: light; }
body { margin: 1rem; font: 15px/1.4 system-ui, sans-serif; color: #222; background: #fff; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 32rem), 1fr)); gap: 1rem; }
.sides > * { min-width: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } td, th { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #ddd; }
.number { text-align: right; white-space: nowrap; } td.number { font-variant-numeric: tabular-nums; }
.verdict { font-weight: 600; } .worse { color: #b00000; } .better { color: #00702a; }
.key span { display: inline-block; padding: 0 .5rem; margin: 0 .3rem .3rem 0; }
.functions td:first-child { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
h1, h3, p { overflow-wrap: break-word; } th { white-space: nowrap; }
"""
KEY = [("own", "antiphon", "#f4a460"), ("asio", "Boost", "#f3dc8b"), ("std", "std", "#cfe3b4"),
       ("kernel", "kernel", "#b4c7e3"), ("other", "other libraries", "#dcdcdc")]


def breakable(text):
    """Long names are broken between their parts where there is room for one."""
    return escape(text).replace("::", "::<wbr>")


def table(heads, rows, numbers=(), kind=""):
    def kind_of(at, row):
        return "number" if at in numbers else row[at] if at == len(row) - 1 and row[at] in ("worse", "better") else ""

    head = "".join(f'<th class="{"number" if at in numbers else ""}">{escape(text)}</th>'
                   for at, text in enumerate(heads))
    body = "".join("<tr>" + "".join(f'<td class="{kind_of(at, row)}">{breakable(str(cell))}</td>'
                                    for at, cell in enumerate(row)) + "</tr>" for row in rows)
    return f'<div class="scroll {kind}"><table><tr>{head}</tr>{body}</table></div>'


def functions(title, rows):
    if rows is None:
        shown = "<p>left out</p>"
    elif rows:
        shown = table(["", "A", "B", "change"], rows, (1, 2, 3), "functions")
    else:
        shown = "<p>Nothing has changed.</p>"
    return f"<section><h2>{escape(title)}</h2>{shown}</section>"


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
    """The text of the page. `one`, `other`: directory and profile of each."""
    (_, a), (_, b) = one, other
    key = "".join(f'<span style="background:{colour}">{name}</span>' for _, name, colour in KEY)
    facts = differences.of_facts(a, b)
    parts = [
        f"<h1>{escape(a['name'])}: <span class=\"verdict {verdict}\">{verdict}</span></h1>",
        f"<p>A: {escape(a['time'])}, B: {escape(b['time'])}. A function's part is its own, without what it calls.</p>",
        table(["", "A", "B", "change", "verdict"], differences.of_figures(judged), (1, 2, 3)),
        "<h2>What else differs</h2>" + (table(["", "A", "B"], facts) if facts else "<p>Nothing.</p>"),
        f'<p class="key">{key}<br>In B a red edge marks what takes a larger part than in A by more than '
        f"{flame.MARKED:.0%} of all, a blue one a smaller. Click a frame to look closer, the top one to go back.</p>",
        flames("Time (samples of cpu-clock)", "samples", "cpu.folded", one, other),
        flames("Allocations", "allocations", "heap.folded", one, other),
        "<div class=\"sides\">",
        functions("Time: what changed most", differences.of_functions(a, b, "cpu", "functions", ".2%")),
        functions("Instructions a message", differences.of_functions(a, b, "instructions", "functions", ".1f")),
        functions("Allocations a message", differences.of_functions(a, b, "heap", "sites", ".4f")),
        "</div>",
    ]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(a["name"])}: {verdict}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}{flame.STYLE}</style></head><body>{''.join(parts)}<script>{flame.SCRIPT}</script></body>"
            "</html>\n")
