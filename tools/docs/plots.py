#!/usr/bin/env python3
"""Draws the plots of docs/benchmarks from the figures that are kept there.

    plots.py --take      keep the figures of build/bench/sizes.json and streaming.json, where they are, then draw
    plots.py             draw
    plots.py --check     fail when the plots, or the page's part about them, are not what this would draw
    plots.py --self-test

`./dev bench sizes streaming` writes the figures; leave the machine alone meanwhile.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from drawing import NAMES, Axis, apart, by_kind, by_size, decades, size_name

sys.path.append(str(Path(__file__).resolve().parent.parent))
from checking import tell_cases  # noqa: E402
from house import ROOT  # noqa: E402

KEPT = ROOT / "docs" / "benchmarks"
MEASURED = ROOT / "build" / "bench"
PAGE = "README.md"

CORPORA = {"hover": "hover, 170 B", "completion": "completion, 40 KB", "did_change": "didChange, 100 KB",
           "semantic_tokens": "semantic tokens, 500 KB", "long_string": "one string, 1 MiB",
           "document": "document", "document_16MiB": "document, 16 MiB"}


def measured_on(figures):
    return (f"Measured on {figures['date']}, {figures['cpu']}, {figures['cores']} cores"
            f"{', Linux ' + figures['kernel'] if 'kernel' in figures else ''}"
            f"{'; ' + figures['note'] if 'note' in figures else ''}.")


def draw_sizes(figures):
    latency, throughput, rate = {}, {}, {}
    for result in figures["results"]:
        server, size, best = result["server"], result["size"], result["best"]
        latency.setdefault(server, []).append((size, best["p50_us"], best["p99_us"]))
        throughput.setdefault(server, []).append((size, best["mib_per_s"], None))
        rate.setdefault(server, []).append((size, best["rate"], None))
    servers = ", ".join(latency)
    in_flight = f"with {figures['window']} requests in flight"

    def plot(title, what, unit, lines):
        return by_size(title, f"{what} of {servers}, by the size of the message.", unit, lines)

    return {
        "latency.svg": plot("Latency of one request at a time", "The median and the 99th percentile",
                            "microseconds; dashed: the 99th percentile", latency),
        "throughput.svg": plot(f"Throughput {in_flight}", "MiB a second, each way,", "MiB a second, each way",
                               throughput),
        "rate.svg": plot(f"Messages a second {in_flight}", "Messages a second", "messages a second", rate),
    }


def draw_streaming(figures):
    rows, names = {}, list(NAMES)
    for result in figures["results"]:
        if result["corpus"] in CORPORA and result["name"] in names:
            rows.setdefault(CORPORA[result["corpus"]], {})[result["name"]] = result["mib_per_s"]
    used = [name for name in names if any(name in row for row in rows.values())]
    about = "MiB a second of antiphon and of four other ways to read JSON, by the kind of message."
    return {"reading.svg": by_kind("Reading messages", about, "MiB a second; more is better", rows, used)}


def table(headings, rows):
    return ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1),
            *("| " + " | ".join(row) + " |" for row in rows)]


def tell_sizes(figures):
    servers = list(dict.fromkeys(result["server"] for result in figures["results"]))
    cells = {(result["server"], result["size"]): result["best"] for result in figures["results"]}
    sizes = sorted({size for _, size in cells})
    out = [measured_on(figures) + f" The best of {figures['rounds']} rounds of {figures['seconds']} s.", ""]
    for name, title, unit, form in (
            ("latency.svg", "Latency", "p50 / p99 µs", lambda best: f"{best['p50_us']:,.1f} / {best['p99_us']:,.1f}"),
            ("throughput.svg", "Throughput", "MiB/s", lambda best: f"{best['mib_per_s']:,.0f}"),
            ("rate.svg", "Messages a second", "a second", lambda best: f"{best['rate']:,.0f}")):
        rows = [[size_name(size), *(form(cells[server, size]) for server in servers)] for size in sizes]
        out += [f"![{title} by the size of a message]({name})", "", *table([unit, *servers], rows), ""]
    return out


def tell_streaming(figures):
    return [measured_on(figures), "", "![MiB a second by the kind of message](reading.svg)", ""]


# What is measured: (how it is drawn, what the page says of it, how it is kept).
KINDS = {"sizes": (draw_sizes, tell_sizes), "streaming": (draw_streaming, tell_streaming)}


def kept_of(kind, measured):
    """Of a benchmark's figures what is drawn."""
    about = {key: measured[key] for key in ("date", "cpu", "cores", "kernel", "rounds", "seconds", "window")
             if key in measured}
    results = measured["results"]
    if kind == "streaming":
        used = {f"{step}/{measured['scanner']}": step for step in ("envelope", "full")}
        results = [{"corpus": one["corpus"], "name": used.get(one["name"], one["name"]), "mib_per_s": one["mib_per_s"]}
                   for one in results if one["corpus"] in CORPORA and used.get(one["name"], one["name"]) in NAMES]
        about["note"] = f"{measured['scanner']}, the fastest of 21 short runs"
    else:
        results = [{key: one[key] for key in ("server", "size", "best")} for one in results]
    return {**about, "results": results}


def drawn(kept):
    """{file: its text} of a folder with figures."""
    files = {}
    page = (kept / PAGE).read_text()
    for kind, (draw, tell) in KINDS.items():
        source = kept / f"{kind}.json"
        told = [f"Not measured yet: `./dev bench {kind}` on a machine that does nothing else, then "
                "`python3 tools/docs/plots.py --take`.", ""]
        if source.is_file():
            figures = json.loads(source.read_text())
            files.update(draw(figures))
            told = tell(figures)
        between = re.compile(rf"(<!-- plots: {kind} -->\n).*?(<!-- end of plots -->)", re.DOTALL)
        page = between.sub(lambda marks: marks[1] + "\n".join(["", *told]) + "\n" + marks[2], page, count=1)
    return {**files, PAGE: page}


def take():
    for kind in KINDS:
        source = MEASURED / f"{kind}.json"
        if source.is_file():
            kept = kept_of(kind, json.loads(source.read_text()))
            lines = ",\n  ".join(json.dumps(one) for one in kept.pop("results"))
            head = json.dumps(kept, indent=1)[:-2]
            (KEPT / f"{kind}.json").write_text(f'{head},\n "results": [\n  {lines}\n ]\n}}\n')


def wrong(kept):
    return [name for name, wanted in drawn(kept).items()
            if not (kept / name).is_file() or (kept / name).read_text() != wanted]


def sample():
    """Figures of no machine."""
    best = {"p50_us": 10.0, "p99_us": 20.0, "rate": 1e5, "mib_per_s": 12.5}
    about = {"date": "2000-01-01", "cpu": "none", "cores": 1, "kernel": "0", "rounds": 1, "seconds": 1, "window": 16}
    return {**about, "results": [{"server": server, "size": size, "best": {k: v * size for k, v in best.items()},
                                  "median": best, "extra": 1}
                                 for server in ("floor", "antiphon") for size in (1 << 7, 1 << 20)]}


def self_test():
    checks = []
    kept = kept_of("sizes", sample())
    checks.append(("only what is drawn is kept", "extra" not in kept["results"][0]))
    streaming = {"date": "2000-01-01", "cpu": "none", "cores": 1, "scanner": "avx2", "results": [
        {"corpus": "hover", "name": name, "mib_per_s": 10.0 ** power, "ns_per_message": 1}
        for power, name in enumerate(("envelope/avx2", "envelope/sse2", "boost parse", "decode"))]}
    checks.append(("of the scanners the one in use", [one["name"] for one in kept_of("streaming", streaming)["results"]]
                   == ["envelope", "boost parse"]))
    up = Axis([1, 100], 300, 100)
    checks.append(("a decade is as high as another", [up(1), up(10), up(100)] == [300, 200, 100]))
    checks.append(("decades are around the values", decades([3, 2000]) == [1, 10, 100, 1000, 10000]))
    moved = apart({"a": 10, "b": 12, "c": 60}, 16)
    checks.append(("names don't lie upon each other", moved == {"a": 10, "b": 26, "c": 60}))
    checks.append(("sizes have names", [size_name(n) for n in (128, 2048, 2 << 20)] == ["128 B", "2 KiB", "2 MiB"]))
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        marks = "<!-- plots: {} -->\n<!-- end of plots -->\n"
        (folder / PAGE).write_text("# a\n" + marks.format("sizes") + marks.format("streaming") + "z\n")
        nothing = drawn(folder)
        checks.append(("without figures nothing is drawn", list(nothing) == [PAGE] and "Not measured" in nothing[PAGE]))
        (folder / "sizes.json").write_text(json.dumps(kept))
        for name, content in drawn(folder).items():
            (folder / name).write_text(content)
        checks.append(("what was drawn is found so", not wrong(folder)))
        page = (folder / PAGE).read_text()
        checks.append(("the page shows the plots", "](latency.svg)" in page and page.endswith("z\n")))
        checks.append(("and says of what machine", "2000-01-01, none" in page))
        (folder / "rate.svg").write_text("another")
        checks.append(("what was changed by hand is found", wrong(folder) == ["rate.svg"]))
    return [None if holds else f"not so: {what}" for what, holds in checks]


def main(arguments):
    if arguments == ["--self-test"]:
        return tell_cases(self_test())
    if arguments not in ([], ["--take"], ["--check"]):
        sys.exit(__doc__)
    if arguments == ["--check"]:
        differ = wrong(KEPT)
        for name in differ:
            print(f"plots: docs/benchmarks/{name} is not what tools/docs/plots.py draws")
        return 1 if differ else 0
    if arguments == ["--take"]:
        take()
    for name, content in drawn(KEPT).items():
        (KEPT / name).write_text(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
