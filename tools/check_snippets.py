#!/usr/bin/env python3
"""Fails when code in the documentation is not the code of the file that it was taken from.

    check_snippets.py              check README.md and the other pages of the tree that this file stands in
    check_snippets.py --self-test  check the checker, on pages with one mistake each

The line right above a fenced block says where its text comes from, unseen by readers:

    <!-- file: examples/1_tutorial/server.cpp -->       the whole file
    <!-- part of: examples/1_tutorial/client.cpp -->    lines that follow one another there, however indented

Every block of C++ has such a line, so that all of them are compiled somewhere. Other blocks may.
"""

import re
import sys
import tempfile
import textwrap
from collections import namedtuple
from pathlib import Path

import checking
from house import ROOT

MARK = re.compile(r"<!-- (file|part of): (\S+) -->")
FENCE = re.compile(r"(`{3,}|~{3,})\s*([\w+-]*).*")
ALWAYS_MARKED = {"cpp", "c++", "cc"}

Block = namedtuple("Block", "line language mark text")


def pages(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def blocks(page):
    """The fenced blocks of a page; `mark` is the match on the line above, or None. A mark without a block
    comes out as a block without text."""
    fence = mark = None
    text = []
    for number, line in enumerate(page.splitlines(), 1):
        if fence:
            if line.strip() == fence:
                yield Block(start, language, mark, "\n".join(text) + "\n")
                fence = mark = None
            else:
                text.append(line)
            continue
        opening = FENCE.fullmatch(line)
        if opening:
            fence, language, start, text = opening[1], opening[2], number, []
            continue
        if mark:
            yield Block(number - 1, "", mark, None)
        mark = MARK.fullmatch(line)
    if fence:
        yield Block(start, language, mark, None)
    elif mark:
        yield Block(number, "", mark, None)


def holds(source, part):
    """Whether `part` is a run of whole lines of `source`, which may stand further to the right there."""
    wanted = part.splitlines()
    lines = source.splitlines()
    return any(
        textwrap.dedent("\n".join(lines[at:at + len(wanted)])).splitlines() == wanted
        for at in range(len(lines) - len(wanted) + 1)
    )


def complaint(root, block):
    """What is wrong with a block, or None."""
    if block.text is None:
        return "no whole block of code behind this"
    if not block.mark:
        if block.language.lower() not in ALWAYS_MARKED:
            return None
        return "C++ without a line above it that names its file: <!-- file: PATH --> or <!-- part of: PATH -->"
    kind, path = block.mark.groups()
    try:
        source = (root / path).read_text()
    except OSError:
        return f"{path} can't be read"
    if not block.text.strip():
        return "an empty block"
    if kind == "file":
        return None if block.text == source else f"this is no longer the text of {path}"
    return None if holds(source, textwrap.dedent(block.text)) else f"{path} has no such lines"


def check(root=ROOT):
    """([complaint lines], the line that sums up)"""
    complaints, compared = [], 0
    for page in pages(root):
        for block in blocks(page.read_text()):
            compared += block.mark is not None
            why = complaint(root, block)
            if why:
                complaints.append(f"{page.relative_to(root)}:{block.line}: {why}")
    return complaints, f"snippets: {compared} blocks compared, {len(complaints)} that differ"


SELF_TEST_SOURCE = "#include <a>\n\nint main() {\n  if (a) {\n    b();\n\n    c();\n  }\n}\n"
WHOLE = "<!-- file: examples/a.cpp -->\n"
PART = "<!-- part of: examples/a.cpp -->\n"
# (what a page holds, the line that is complained about or None)
SELF_TEST = [
    ("no code\n", None),
    ("", None),
    (f"text\n\n{WHOLE}```cpp\n{SELF_TEST_SOURCE}```\ntext\n", None),
    (f"{WHOLE}```cpp\n{SELF_TEST_SOURCE.replace('b()', 'd()')}```\n", 2),
    (f"{WHOLE}```cpp\n{SELF_TEST_SOURCE}// more\n```\n", 2),
    (f"{WHOLE}```cpp\n{SELF_TEST_SOURCE[:-2]}```\n", 2),
    (f"{WHOLE}```cpp\n#include <a>\n```\n", 2),
    (f"{PART}```cpp\n{SELF_TEST_SOURCE}```\n", None),
    (f"{PART}```cpp\n  if (a) {{\n    b();\n```\n", None),
    (f"{PART}```cpp\nb();\n\nc();\n```\n", None),
    (f"{PART}```cpp\nb();\nc();\n```\n", 2),
    (f"{PART}```cpp\nb();\n  c();\n```\n", 2),
    (f"{PART}```cpp\nif (a) {{\nb();\n```\n", 2),
    (f"{PART}```cpp\n```\n", 2),
    (f"{PART}~~~cpp\nb();\n~~~\n", None),
    (f"{PART}````cpp\nb();\n```\n````\n", 2),
    (f"{PART}```sh\nb();\n```\n", None),
    (f"{PART}```sh\nrm\n```\n", 2),
    ("```sh\nls\n```\n", None),
    ("```\nplain\n```\n", None),
    ("```cpp\nb();\n```\n", 1),
    ("```C++\nb();\n```\n", 1),
    (f"{PART}\n```cpp\nb();\n```\n", 1),
    (f"{PART}```cpp\nb();\n", 2),
    (f"text\n{PART}", 2),
    ("<!-- part of: examples/gone.cpp -->\n```cpp\nb();\n```\n", 2),
    ("<!-- a comment -->\n```sh\nls\n```\n", None),
]


def self_test():
    for number, (page, line) in enumerate(SELF_TEST):
        place = ("README.md", "docs/guide.md", "docs/decisions/0001.md")[number % 3]
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for path, text in (("examples/a.cpp", SELF_TEST_SOURCE), (place, page)):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            complaints, _ = check(root)
        first = complaints[0] if complaints else ""
        as_expected = first.startswith(f"{place}:{line}: ") if line else not complaints
        expected = f"a complaint about line {line}" if line else "none"
        yield None if as_expected else f"{page!r}: expected {expected}, got {complaints}"


if __name__ == "__main__":
    sys.exit(checking.main(__doc__, check, self_test))
