#!/usr/bin/env python3
"""Builds the site of the pages and of the C++ reference into build/site; `./dev docs` calls it.

    build.py [--external]

1. Doxygen reads the headers (docs/site/Doxyfile) and writes the reference, and XML that the page of all names is
   made from.
2. The pages are copied, with their links turned into those of the site: docs/README.md becomes the first page and
   says which others there are and in what order. A file of the tree that a page links to, or has code from, gets
   a page of its own.
3. Sphinx (docs/site/conf.py) makes HTML of them.
4. links.py looks at every link and anchor of what came out.

Each step's warnings are errors.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import links
from pages import Stage
from reference import ROOT, SITE, run_doxygen

NORMALIZE = Path("/usr/share/nodejs/normalize.css/normalize.css")


def run_sphinx(work, staged, out):
    command = ["sphinx-build", "-q", "-b", "html", "-W", "--keep-going", "-j", "auto", "-c", str(SITE),
               "-d", str(work / "doctrees"), str(staged), str(out)]
    if subprocess.run(command, check=False).returncode:
        sys.exit("docs: sphinx complains")
    mend_furo(out)


def mend_furo(out):
    """Debian has put furo's bundles together in its own way: a script imports another, which one that is no module
    may not; a style sheet is fetched from the server's root; and what the system's wish for darkness asks for got
    lost within another rule."""
    script = out / "_static" / "scripts" / "furo.js"
    text = script.read_text()
    if text.startswith("import Gumshoe"):
        script.write_text(script.with_name("gumshoe-patched.js").read_text() + text.split("\n", 1)[1])
    style = out / "_static" / "styles" / "furo.css"
    text = style.read_text()
    if "/javascript/normalize.css/normalize.css" in text:
        text = text.replace("/javascript/normalize.css/normalize.css", NORMALIZE.name)
        shutil.copyfile(NORMALIZE, style.with_name(NORMALIZE.name))
    if "prefers-color-scheme" not in text:
        colours = re.search(r'body\[data-theme="dark"\] \{(.*?)\}', text, re.DOTALL)[1]
        text += f'\n@media (prefers-color-scheme: dark) {{ body:not([data-theme="light"]) {{{colours}}} }}\n'
    style.write_text(text)


def main():
    parser = argparse.ArgumentParser(prog="./dev docs", description="Builds the pages and the reference.")
    parser.add_argument("--external", action="store_true", help="also list the links that lead elsewhere")
    given = parser.parse_args()
    work, out = ROOT / "build" / "docs", ROOT / "build" / "site"
    staged = work / "pages"
    for directory in (staged, out):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)

    stage = Stage(staged, run_doxygen(work, out))
    stage.all()
    if stage.complaints:
        sys.exit("\n".join(stage.complaints))
    run_sphinx(work, staged, out)
    complaints, checked, external = links.check(out)
    if given.external:
        print("\n".join(sorted(external)))
    print(*complaints, sep="\n", end="\n" if complaints else "")
    print(f"docs: {checked} links checked, {len(complaints)} broken, {len(external)} addresses elsewhere")
    print(f"docs: {out}/index.html, or: python3 -m http.server -b 127.0.0.1 -d {os.path.relpath(out)}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
