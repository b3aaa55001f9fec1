#!/usr/bin/env python3
"""Draws docs/guide/passes.svg: one block of 64 bytes and its masks, computed as streaming/scan does.

    passes.py            draw
    passes.py --check    fail when the picture is not what this would draw

Bit i is byte i, so that the lowest bit stands on the left.
"""

import sys
from html import escape
from pathlib import Path

from drawing import picture

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "passes.svg"
DESCRIPTION = """The first 64 bytes of a JSON-RPC notification, and below each byte its bit in ten masks: backslashes,
    escaped bytes, quotes, the inside of strings, tokens, what lies in an object, values, tokens behind a value,
    separators, and where a name is due. At the end, what is carried over to the next block."""
TEXT = r'{"method":"log","params":{"n":[1,20],"ok":true,"text":"a \"b\" \nc"},"id":1}'
BLOCK = TEXT[:64]
FULL = (1 << 64) - 1
EVEN = 0x5555555555555555


def where(bytes_wanted):
    return sum(1 << i for i, byte in enumerate(BLOCK) if byte in bytes_wanted)


def prefix_xor(bits):
    for step in (1, 2, 4, 8, 16, 32):
        bits ^= bits << step & FULL
    return bits


def following(of, gaps):
    """The tokens right behind those in `of`, and the carry."""
    total = of + (of | gaps)
    return total & ~gaps & FULL, total >> 64


def masks():
    """As find_strings in kernels.inl and block, wrong_order in check.inl, for a text's first block."""
    m = {}
    m["backslash"] = where("\\")
    follows = m["backslash"] << 1 & FULL
    total = (m["backslash"] & ~EVEN & ~follows) + m["backslash"]
    m["escaped"] = (EVEN ^ total << 1 & FULL) & follows
    m["escaped next"] = total >> 64
    m["quotes"] = where('"') & ~m["escaped"]
    m["inside"] = prefix_xor(m["quotes"])
    outside = ~(m["inside"] | m["quotes"]) & FULL
    opening, closing, colons, commas = (where(c) & outside for c in ("{[", "}]", ":", ","))
    strings = m["quotes"] & m["inside"]
    scalars = outside & ~(opening | closing | colons | commas | where(" \t\n\r"))
    scalars &= ~(scalars << 1)
    m["tokens"] = opening | closing | colons | commas | strings | scalars
    gaps = ~m["tokens"] & FULL
    m["values"] = strings | scalars | closing
    m["behind a value"], m["after_value"] = following(m["values"], gaps)
    m["separators"] = colons | commas | closing
    m["in an object"], kinds = 0, []
    for i, byte in enumerate(BLOCK):
        if kinds and kinds[-1] == "{":
            m["in an object"] |= 1 << i
        if opening >> i & 1:
            kinds.append(byte)
        elif closing >> i & 1:
            kinds.pop()
    m["open"] = kinds
    at_names, m["at_name"] = following(commas | opening & where("{"), gaps)
    m["a name is due"] = at_names & m["in an object"]
    _, m["after_name"] = following(at_names & strings, gaps)
    behind_open, m["after_open"] = following(opening, gaps)
    assert (m["behind a value"] ^ m["separators"]) & ~(closing & behind_open) == 0
    assert m["a name is due"] & ~(strings | closing) == 0
    return m


LEFT, PITCH, TOP, ROW = 196, 12.4, 74, 36
# (mask, how it comes about, colour), a band each
BANDS = [
    ("#dbeafe", [("backslash", "compared with 64 bytes at once", "#1d4ed8"),
                 ("escaped", "behind an odd \\ of a run", "#1d4ed8"),
                 ("quotes", "that are not escaped", "#1d4ed8"),
                 ("inside", "prefix xor of the quotes", "#1d4ed8")]),
    ("#dcfce7", [("tokens", "{ } [ ] : , and first bytes of values", "#15803d"),
                 ("in an object", "from the brackets, one by one", "#15803d")]),
    ("#fef9c3", [("values", "strings, scalars, closing brackets", "#a16207"),
                 ("behind a value", "one addition: gaps pass the carry on", "#a16207"),
                 ("separators", ": , and closing: must be the same", "#a16207"),
                 ("a name is due", "behind { or , in an object", "#a16207")]),
]
STYLE = """
      .name { font-size: 14px; font-weight: bold; fill: #0f172a; }
      .note { font-size: 10px; fill: #334155; }
      .byte { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #0f172a; text-anchor: middle; }
      .on { font: bold 12px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #ffffff; text-anchor: middle; }
      .what { font-size: 13px; fill: #0f172a; }
      .band { stroke: #94a3b8; }"""


def x(i):
    return round(LEFT + i * PITCH, 1)


def bits(mask, y, colour):
    """One path of squares."""
    squares = "".join(f"M{x(i) + 0.7:.1f} {y}h11v17h-11z" for i in range(64) if mask >> i & 1)
    return [f'<path fill="{colour}" d="{squares}"/>']


def letters(mask, y, style):
    return [f'<text class="{style}" x="{x(i) + 6.2:.1f}" y="{y}">{escape(byte)}</text>'
            for i, byte in enumerate(BLOCK) if mask >> i & 1 and byte != " "]


def carries(of, gaps, y, colour):
    """From each bit of `of` a line through the gaps behind it."""
    lines = ""
    for i in (i for i in range(64) if of >> i & 1):
        end = i + 1
        while end < 64 and gaps >> end & 1:
            end += 1
        lines += f"M{x(i) + 6.2:.1f} {y}H{x(end) + (0.7 if end < 64 else 0):.1f}"
    return [f'<path fill="none" stroke="{colour}" stroke-width="1.5" d="{lines}"/>']


def draw(m):
    out, y = [], TOP
    out += letters(FULL, 56, "byte")
    for shade, rows in BANDS:
        out.append(f'<rect class="band" x="10" y="{y - 6}" width="986" height="{len(rows) * ROW + 4}" rx="6" '
                   f'fill="{shade}"/>')
        for name, how, colour in rows:
            out.append(f'<text class="name" x="20" y="{y + 11}">{name}</text>')
            out.append(f'<text class="note" x="20" y="{y + 24}">{escape(how)}</text>')
            if name == "behind a value":
                out += carries(m["values"], ~m["tokens"], y + 13.5, colour)
            out += bits(m[name], y + 5, colour)
            if name not in ("inside", "in an object"):
                out += letters(m[name], y + 18, "on")
            y += ROW
        y += 12
    carried = [
        ("inside a string", "yes" if m["inside"] >> 63 else "no"),
        ("the next byte is escaped", "yes" if m["escaped next"] else "no"),
        ("open brackets", " ".join(m["open"]) + ", a bit each"),
        ("the last token was a value", "yes" if m["after_value"] else "no"),
        ("it was an opening bracket", "yes" if m["after_open"] else "no"),
        ("a name is due", "yes" if m["at_name"] else "no"),
        ("it was a name", "yes" if m["after_name"] else "no"),
        ("a number or word goes on", "no"),
        ("a UTF-8 sequence goes on", "no"),
    ]
    out.append(f'<rect class="band" x="10" y="{y - 6}" width="986" height="88" rx="6" fill="#ffffff"/>')
    out.append(f'<text class="name" x="20" y="{y + 16}">carried over</text>')
    out.append(f'<text class="note" x="20" y="{y + 30}">to the next block, which begins</text>')
    out.append(f'<text class="byte" style="text-anchor:start" x="20" y="{y + 50}">{escape(TEXT[64:])}</text>')
    for i, (what, value) in enumerate(carried):
        at, line = LEFT + 4 + i // 3 * 268, y + 18 + i % 3 * 24
        out.append(f'<text class="what" x="{at}" y="{line}">{what}: '
                   f'<tspan font-weight="bold">{escape(value)}</tspan></text>')
    head = ['<text class="name" x="20" y="51">64 bytes</text>',
            '<text class="note" x="20" y="64">the first block of a message</text>',
            f'<text class="note" x="{LEFT}" y="30">bit 0</text>',
            f'<text class="note" x="{x(64)}" y="30" text-anchor="end">bit 63</text>']
    return picture("passes.py", 1006, y + 94, "A block of 64 bytes and its masks", DESCRIPTION, STYLE, head + out)


def main(arguments):
    drawn = draw(masks())
    if arguments == ["--check"]:
        if PICTURE.read_text() != drawn:
            sys.exit("passes: docs/guide/passes.svg is not what tools/docs/passes.py draws")
    elif arguments:
        sys.exit(__doc__)
    else:
        PICTURE.write_text(drawn)


if __name__ == "__main__":
    main(sys.argv[1:])
