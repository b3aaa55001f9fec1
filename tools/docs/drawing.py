"""What every picture begins with, and two kinds of plot, as SVG."""

import math
from html import escape

# One colour for each name, wherever it is drawn; they can be told apart without seeing red or green.
COLOURS = {
    "antiphon": "#1d4ed8", "floor": "#64748b", "asio": "#0d9488", "vscode-jsonrpc": "#d97706",
    "envelope": "#1d4ed8", "full": "#60a5fa", "boost parse": "#d97706", "nlohmann accept": "#a21caf",
    "simdjson dom": "#0d9488", "simdjson ondemand": "#64748b",
}
NAMES = {"envelope": "antiphon: envelope", "full": "antiphon: all of it checked", "boost parse": "Boost.JSON",
         "nlohmann accept": "nlohmann accept", "simdjson dom": "simdjson DOM",
         "simdjson ondemand": "simdjson On-Demand"}

STYLE = """
      .title { font-size: 15px; font-weight: bold; }
      .tick { font-size: 11px; fill: #475569; }
      .name { font-size: 12px; font-weight: bold; }
      .what { font-size: 12px; fill: #334155; }
      .grid { stroke: #e2e8f0; fill: none; }
      .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
      .tail { stroke-dasharray: 5 4; stroke-width: 1.5; }"""


def number(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def human(value):
    """1000 is 1k, as an axis has room for it."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def size_name(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} B"


class Axis:
    """From values to places, by their logarithms."""

    def __init__(self, values, begin, end):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        self.begin, self.end = begin, end

    def __call__(self, value):
        width = self.high - self.low or 1
        return self.begin + (math.log10(value) - self.low) / width * (self.end - self.begin)


def decades(values):
    """The powers of ten around the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0 ** power for power in range(low, high + 1)]


def picture(script, width, height, title, description, style, body):
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    lines = "".join(f"  {line}\n" for line in body)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"
     aria-labelledby="title description" font-family="Helvetica, Arial, 'DejaVu Sans', sans-serif">
  <title id="title">{escape(title)}</title>
  <desc id="description">{escape(description)}</desc>
  <!-- Written by tools/docs/{script}. -->
  <style>{style}
  </style>
  <!-- A ground of its own, so that the picture reads the same on any page. -->
  <rect width="{width}" height="{height}" rx="10" fill="#f8fafc"/>
{lines}</svg>
"""


def plot(width, height, title, description, body):
    heading = f'<text class="title" x="20" y="28">{escape(title)}</text>'
    return picture("plots.py", width, height, title, description, STYLE, [heading, *body])


def text(kind, x, y, what, anchor="start", colour=None):
    fill = f' fill="{colour}"' if colour else ""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"{fill}>{escape(what)}</text>'


def apart(places, least):
    """The places, pushed down where two would lie upon each other: {name: place}."""
    moved, before = {}, -math.inf
    for name, place in sorted(places.items(), key=lambda item: item[1]):
        before = moved[name] = max(place, before + least)
    return moved


def by_size(title, description, unit, lines):
    """`lines`: {name: [(size, value, value of the tail or None)]}."""
    width, height, left, right, top, bottom = 760, 428, 64, 624, 60, 380
    points = [point for line in lines.values() for point in line]
    values = [value for _, *both in points for value in both if value is not None]
    sizes = sorted({size for size, *_ in points})
    ticks = decades(values)
    across, up = Axis(sizes, left, right), Axis(ticks, bottom, top)
    out = [text("what", 20, 44, unit)]
    for tick in ticks:
        out.append(f'<path class="grid" d="M{left} {number(up(tick))}H{right}"/>')
        out.append(text("tick", left - 8, up(tick) + 4, human(tick), "end"))
    for size in sizes:
        out.append(f'<path class="grid" d="M{number(across(size))} {top}V{bottom}"/>')
        out.append(text("tick", across(size), bottom + 18, size_name(size), "middle"))
    out.append(text("what", (left + right) / 2, bottom + 38, "size of a message", "middle"))
    ends = apart({name: up(line[-1][1]) for name, line in lines.items()}, 16)
    for name, line in lines.items():
        colour = COLOURS[name]
        for kind, at in (("line", 1), ("line tail", 2)):
            way = " ".join(f"{number(across(point[0]))},{number(up(point[at]))}"
                           for point in line if point[at] is not None)
            if way:
                out.append(f'<polyline class="{kind}" stroke="{colour}" points="{way}"/>')
        out += [f'<circle r="3" fill="{colour}" cx="{number(across(size))}" cy="{number(up(value))}"/>'
                for size, value, _ in line]
        out.append(text("name", right + 10, ends[name] + 4, name, colour=colour))
    return plot(width, height, title, description, out)


def by_kind(title, description, unit, rows, names):
    """`rows`: {what: {name: value}}; a row of points for each."""
    width, left, right, pitch, top = 760, 190, 730, 40, 92
    height = top + pitch * len(rows) + 44
    ticks = decades([value for row in rows.values() for value in row.values()])
    across = Axis(ticks, left, right)
    out = []
    for index, name in enumerate(names):
        x, y = 24 + index % 3 * 240, 50 + index // 3 * 18
        out += [f'<circle r="5" fill="{COLOURS[name]}" cx="{x}" cy="{y - 4}"/>', text("what", x + 10, y, NAMES[name])]
    bottom = top + pitch * len(rows)
    for tick in ticks:
        out.append(f'<path class="grid" d="M{number(across(tick))} {top}V{bottom}"/>')
        out.append(text("tick", across(tick), bottom + 16, human(tick), "middle"))
    for index, (what, row) in enumerate(rows.items()):
        y = top + pitch * (index + 0.5)
        out.append(f'<path class="grid" d="M{left} {number(y)}H{right}"/>')
        out.append(text("what", left - 12, y + 4, what, "end"))
        for name in reversed([name for name in names if name in row]):
            out.append(f'<circle r="6" fill="{COLOURS[name]}" stroke="#f8fafc" cx="{number(across(row[name]))}" '
                       f'cy="{number(y)}"><title>{escape(NAMES[name])}: {row[name]:,.0f}</title></circle>')
    out.append(text("what", (left + right) / 2, bottom + 34, unit, "middle"))
    return plot(width, height, title, description, out)
