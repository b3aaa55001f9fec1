#!/usr/bin/env python3
"""Which links of a built site lead nowhere: every href, src and anchor that stays within it. `./dev docs` looks.

    links.py --self-test    check the checker
"""

import os
import re
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.append(str(Path(__file__).resolve().parent.parent))
from checking import tell_cases  # noqa: E402


class Page(HTMLParser):
    """The links of a page, with their lines, and what may be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if value is None:
                continue
            if name in ("href", "src") and (tag, name) != ("base", "href"):
                self.links.append((self.getpos()[0], value))
            elif name == "id" or name == "name" and tag == "a":
                self.anchors.add(value)


class Lines:
    """The same of a file whose links a pattern finds, LINK."""

    def __init__(self, text):
        self.anchors = {""}
        self.links = [(number, link) for number, line in enumerate(text.splitlines(), 1)
                      for link in self.LINK.findall(line)]


class Style(Lines):
    """What a style sheet fetches."""

    LINK = re.compile(r"""url\(\s*["']?([^"')]+)""")


class Script(Lines):
    """What Doxygen's menus, trees and search lead to: names of pages in quotes, no keys."""

    LINK = re.compile(r"""["']((?:\.\./)*\w+\.html(?:#\w+)?)["'](?!\s*:)""")


def check(root):
    """([complaint lines], number of links looked at, {addresses elsewhere})"""
    complaints, checked, external = [], 0, set()
    parsed = {path: kind(path.read_text(errors="replace"))
              for pattern, kind in (("*.html", Page), ("*.css", Style), ("*.js", Script))
              for path in sorted(root.rglob(pattern))}
    for path, page in parsed.items():
        for line, link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme in ("http", "https"):
                    external.add(link)
                continue
            checked += 1
            there = path.parent / unquote(parts.path) if parts.path else path
            there = Path(os.path.normpath(there))
            if there.is_dir():
                there /= "index.html"
            if not there.is_file() or root not in there.parents:
                complaints.append(f"{path.relative_to(root)}:{line}: {link} is not there")
            elif there.suffix == ".html" and unquote(parts.fragment) not in parsed[there].anchors:
                complaints.append(f"{path.relative_to(root)}:{line}: {link} has no such anchor")
    return complaints, checked, external


# What a.html holds, and what is complained about; there is a b/c.html with the anchor "d" beside it.
SELF_TEST = [
    ('<a href="b/c.html">', None),
    ('<a href="b/c.html#d">', None),
    ('<a href="b/c.html#e">', "no such anchor"),
    ('<a href="b/e.html">', "not there"),
    ('<a href="c.html">', "not there"),
    ('<a href="../a.html">', "not there"),
    ('<a href="#here"><p id="here">', None),
    ('<a href="#there"><p id="here">', "no such anchor"),
    ('<a href="#">', None),
    ('<img src="b/c.html">', None),
    ('<img src="b/c.png">', "not there"),
    ('<script src="b/c.js?v=1">', "not there"),
    ('<a href="https://example.org/nowhere">', None),
    ('<a href="b/">', "not there"),
    ('<a href="b/c.html?x=1#d">', None),
    ('<a href="b/%63.html">', None),
    ('<link href="s.css">', None),
]
OTHERS = [
    ("s.css", "a { background: url(b/c.html) }", None),
    ("s.css", "@import url('/b/c.html');", "not there"),
    ("s.css", "a { background: url(data:image/svg+xml;x) }", None),
    ("b/s.js", '[["c", "c.html#d", null], ["a", "../a.html"]]', None),
    ("b/s.js", '[["c", "d.html#d", null]]', "not there"),
    ("b/s.js", '[["c", "c.html#f", null]]', "no such anchor"),
    ("b/s.js", '{"d.html": [1, 2]}', None),
]


def self_test():
    for name, page, wanted in [("a.html", *case) for case in SELF_TEST] + OTHERS:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            (root / "b").mkdir()
            (root / "b" / "c.html").write_text('<h1 id="d">')
            for empty in ("a.html", "s.css"):
                (root / empty).touch()
            (root / name).write_text(page)
            complaints, _, _ = check(root)
        as_expected = len(complaints) == 1 and wanted in complaints[0] if wanted else not complaints
        yield None if as_expected else f"{page}: expected {wanted or 'nothing'}, got {complaints}"


if __name__ == "__main__":
    sys.exit(tell_cases(self_test()) if sys.argv[1:] == ["--self-test"] else __doc__)
