#!/usr/bin/env python3
"""Builds the site of the pages and of the C++ reference into build/site; `./dev docs` calls it.

    build.py [--out DIRECTORY]

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
import textwrap
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

import links

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "docs" / "site"
AWESOME = Path("/usr/share/doxygen-awesome-css")

# --- where things go -----------------------------------------------------------------------------------------

# Pages outside of docs/, by their place in the site.
MOVED = {"docs/README.md": "index.md", "docs/decisions/README.md": "decisions/index.md",
         "docs/benchmarks/README.md": "benchmarks/index.md", "README.md": "overview.md",
         "HACKING.md": "hacking.md", "CHANGELOG.md": "changelog.md"}
HEADERS = "include/antiphon"
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".inl": "cpp", ".py": "python", ".mjs": "js", ".json": "json"}

MARK = re.compile(r"<!-- (?:file|part of): (\S+) -->")
FENCE = re.compile(r"(`{3,}|~{3,})\s*[\w+-]*.*")
# Not in `code`, nor where the bracket is a lambda's.
LINK = re.compile(r"(`+[^`]*`+)|(!?)\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
SCHEME = re.compile(r"[a-z]+:")


def pages():
    """Every page: {path in the tree: path in the site}."""
    found = dict(MOVED)
    for path in sorted(ROOT.glob("docs/**/*.md")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("docs/site/"):
            found.setdefault(name, name.removeprefix("docs/"))
    for path in sorted(ROOT.glob("examples/*/README.md")):
        found[path.relative_to(ROOT).as_posix()] = f"examples/{path.parent.name}.md"
    return found


class Stage:
    """The copies that Sphinx reads."""

    def __init__(self, directory, reference):
        self.directory = directory
        self.reference = reference
        self.pages = pages()
        self.sources = set()
        self.complaints = []

    def write(self, path, text):
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def copy(self, source, path):
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)

    def place(self, path):
        """Where the site has a file or folder of the tree; HTML where Sphinx doesn't make it."""
        if path in self.pages or f"{path}/README.md" in self.pages:
            return self.pages.get(path) or self.pages[f"{path}/README.md"]
        if path.startswith(HEADERS):
            return self.reference.files.get(path, "reference.md")
        if path.startswith("docs/") and Path(path).suffix == ".svg":
            self.copy(ROOT / path, path.removeprefix("docs/"))
            return path.removeprefix("docs/")
        self.sources.add(path)
        return f"source/{path}/index.rst" if (ROOT / path).is_dir() else f"source/{path}.rst"

    def turned(self, page, number, match):
        """A link of a page, or code that looks like one, as it is in the site."""
        code, image, text, target = match.groups()
        if code or SCHEME.match(target) or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(page), path))
        if there.startswith("..") or not (ROOT / there).exists():
            self.complaints.append(f"{page}:{number}: {target} is not there")
            return match[0]
        return image + self.link(page, text, there, f"#{anchor}" if anchor else "")

    def link(self, page, text, there, anchor=""):
        place = os.path.relpath(self.place(there), os.path.dirname(self.pages[page]) or ".")
        return to_reference(text, place + anchor) if place.endswith(".html") else f"[{text}]({place}{anchor})"

    def page(self, path):
        out, fence, mark, before, code = [], None, None, None, []
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            if fence:
                if line.strip() != fence:
                    code.append(line)
                    continue
                out += [*textwrap.dedent("\n".join(code)).splitlines(), line]
                if mark:
                    out += ["", '<div class="from">', "", self.link(path, mark[1], mark[1]), "", "</div>", ""]
                fence, code = None, []
                continue
            opening = FENCE.fullmatch(line)
            if opening:
                fence, mark = opening[1], MARK.fullmatch(before or "")
                out.append(line)
            elif not line.startswith("    "):
                out.append(LINK.sub(lambda match: self.turned(path, number, match), line))
            else:
                out.append(line)
            before = line
        return "\n".join(out) + "\n"

    def source(self, path):
        """A file as a page, or a folder as a list of such."""
        whole = ROOT / path
        if not whole.is_dir():
            self.copy(whole, f"source/{path}")
            language = LANGUAGES.get(whole.suffix, "text")
            body = f".. literalinclude:: {whole.name}\n   :language: {language}\n   :linenos:\n"
            return self.write(f"source/{path}.rst", source_head(path) + body)
        body = ""
        for name in sorted(tracked(path)):
            place = self.place(f"{path}/{name}")
            body += f"- :doc:`{name} </{os.path.splitext(place)[0]}>`\n"
        return self.write(f"source/{path}/index.rst", source_head(f"{path}/") + body)

    def all(self):
        for path, place in self.pages.items():
            text = self.page(path)
            if place == "index.md":
                text += self.contents(path)
            elif place == "decisions/index.md":
                text += decisions(self.pages)
            self.write(place, text)
        self.write("reference.md", self.reference.page())
        done = set()
        while self.sources - done:
            path = (self.sources - done).pop()
            self.source(path)
            done.add(path)

    def contents(self, path):
        """Sphinx's table of contents, after the sections and lists of the first page."""
        out, section, listed = [], None, {path}
        for line in (ROOT / path).read_text().splitlines():
            item = re.match(r"- \[([^\]]*)\]\(([^)#]+)\)", line)
            if line.startswith("## "):
                section = line[3:]
                out += ["```", ""] if out else []
                out += ["```{toctree}", ":hidden:", f":caption: {section}", ""]
            elif item and section:
                there = os.path.normpath(os.path.join(os.path.dirname(path), item[2]))
                listed.add(there)
                out.append(f"{item[1]} <{self.place(there).removesuffix('.md')}>")
        missing = [page for page in self.pages
                   if page not in listed and not page.startswith(("docs/decisions/", "examples/"))]
        self.complaints += [f"{path}: says nothing of {page}" for page in missing]
        rest = [place.removesuffix(".md") for place in self.pages.values() if place.startswith("examples/")]
        out += ["```", "", "```{toctree}", ":hidden:", ":caption: Examples", "", *rest, "```"]
        return "\n".join(["", *out, ""])


def to_reference(text, page):
    """A link to a page that Sphinx doesn't know."""
    return f'<a class="reference internal" href="{page}">{text}</a>'


def source_head(title):
    return f":orphan:\n:nosearch:\n\n{title}\n{'=' * len(title)}\n\n"


def tracked(path):
    """The files below a folder, as paths from there: what git knows, or else all."""
    known = subprocess.run(["git", "ls-files", "--", path], cwd=ROOT, capture_output=True, text=True, check=False)
    files = known.stdout.splitlines() or [str(f.relative_to(ROOT)) for f in (ROOT / path).rglob("*") if f.is_file()]
    return [os.path.relpath(name, path) for name in files]


def decisions(all_pages):
    """The list that nobody has to keep by hand."""
    out, toctree = [""], ["", "```{toctree}", ":hidden:", ""]
    for path in sorted(all_pages):
        if re.match(r"docs/decisions/\d", path):
            name = Path(path).name
            title = (ROOT / path).read_text().splitlines()[0].removeprefix("# ")
            out.append(f"- [{name[:4]}: {title}]({name})")
            toctree.append(name.removesuffix(".md"))
    return "\n".join([*out, *toctree, "```", ""])


# --- the reference -------------------------------------------------------------------------------------------

Name = namedtuple("Name", "name kind brief page header")

# The headers of a section, in the order of the page; the first that fits counts.
SECTIONS = [
    ("Reading and writing messages", r"streaming/.*"),
    ("Transports", r"transport/.*|buffer\.hpp"),
    ("Language servers", r"lsp/.*"),
    ("Middleware", r"middleware(/.*|\.hpp)"),
    ("Statistics", r".*stat.*|histogram\.hpp|stall_report\.hpp"),
    ("Relay", r"relay/.*"),
    ("Testing", r"testing/.*"),
    ("Deliveries and discovery", r"delivery\.hpp|discovery\.hpp|type_shape\.hpp"),
    ("The peer", r".*"),
]
SHOWN_FIRST = "The peer"


def header_of(definition):
    return definition.find("location").get("file").removeprefix("include/").removeprefix("antiphon/")


class Reference:
    """What Doxygen knows of the headers."""

    def __init__(self, xml):
        self.names = []
        self.files = {}
        index = ElementTree.parse(xml / "index.xml").getroot()
        for compound in index:
            kind = compound.get("kind")
            if kind in ("class", "struct", "namespace", "file"):
                self.add(kind, ElementTree.parse(xml / f"{compound.get('refid')}.xml").getroot()[0])

    def add(self, kind, definition):
        refid, name = definition.get("id"), definition.findtext("compoundname")
        if kind == "file":
            self.files[f"{HEADERS}/{header_of(definition)}"] = f"reference/{refid}.html"
        elif kind == "namespace":
            if not name.startswith("antiphon"):
                return
            for member in definition.iter("memberdef"):
                page, _, anchor = member.get("id").rpartition("_1")
                self.keep(f"{name}::{member.findtext('name')}", member.get("kind"), member,
                          f"{page}.html#{anchor}")
        elif name.startswith("antiphon::") and "<" not in name and definition.get("prot") == "public":
            self.keep(name, kind, definition, f"{refid}.html")

    def keep(self, name, kind, definition, page):
        brief = " ".join("".join(definition.find("briefdescription").itertext()).split())
        header = header_of(definition)
        known = any(other.name == name and other.header == header for other in self.names)
        if not known and "@" not in name:
            self.names.append(Name(name, kind, brief, f"reference/{page}", header))

    def page(self):
        sections = {title: [] for title, _ in SECTIONS}
        for name in self.names:
            sections[next(title for title, pattern in SECTIONS if re.fullmatch(pattern, name.header))].append(name)
        main = "reference/index.html"
        out = ["# Reference", "",
               f"Every name of the public headers, each with its page in the {to_reference('C++ reference', main)},",
               "which has a search of its own. Include the header that stands above, or `<antiphon/antiphon.hpp>` for",
               "all that a server or client usually needs.", ""]
        for title in [SHOWN_FIRST, *(title for title in sections if title != SHOWN_FIRST)]:
            out += [f"## {title}"]
            header = None
            for name in sorted(sections[title], key=lambda n: (n.header, n.name)):
                if name.header != header:
                    header = name.header
                    file = self.files[f"{HEADERS}/{header}"]
                    out += ["", to_reference(f"<code>antiphon/{header}</code>", file), ""]
                short = name.name.removeprefix("antiphon::")
                brief = f": {name.brief}".replace("<", "&lt;") if name.brief else ""
                out.append(f"- {to_reference(f'<code>{short}</code>', name.page)}{brief}")
            out.append("")
        return "\n".join(out)


def run_doxygen(work, out):
    html, xml = out / "reference", work / "xml"
    for directory in (html, xml):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
    settings = (SITE / "Doxyfile").read_text() + f"""
OUTPUT_DIRECTORY = {work}
HTML_OUTPUT = {html}
XML_OUTPUT = {xml}
HTML_EXTRA_STYLESHEET = {AWESOME}/doxygen-awesome.css {AWESOME}/doxygen-awesome-sidebar-only.css {SITE}/reference.css
LAYOUT_FILE = {SITE}/layout.xml
HTML_EXTRA_FILES = {SITE}/theme.js
"""
    if subprocess.run(["doxygen", "-"], input=settings, text=True, cwd=ROOT, check=False).returncode:
        sys.exit("docs: doxygen complains")
    mend_pages(html)
    mend_trees(html)
    return Reference(xml)


def mend_pages(html):
    # A header of our own would have to be that of just this Doxygen; so its own gets one line more.
    for page in html.rglob("*.html"):
        text = page.read_text()
        up = "../" * len(page.relative_to(html).parent.parts)
        text = text.replace("</head>", f'<script src="{up}theme.js"></script>\n</head>', 1)
        if '"nested-classes"' not in text:  # all of them private, but linked to all the same
            text = re.sub(r'<a href="#nested-classes">.*?</a> &#124;\s*', "", text)
        page.write_text(text)


def mend_trees(html):
    """In the trees at the side, what a header declares in a namespace is looked for in the header's page; it is in
    the namespace's."""
    homes = {}
    for page in html.glob("namespace*.html"):
        homes.update(dict.fromkeys(re.findall(r'id="(\w+)"', page.read_text()), page.name))
    for script in html.glob("*.js"):
        text = script.read_text(errors="replace")
        script.write_text(re.sub(r'"\w+_8hpp\.html#(\w+)"', lambda link: f'"{homes[link[1]]}#{link[1]}"'
                                 if link[1] in homes else link[0], text))


# --- Sphinx --------------------------------------------------------------------------------------------------

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


# --- all -----------------------------------------------------------------------------------------------------

def main():
    parser = argparse.ArgumentParser(prog="./dev docs", description="Builds the pages and the reference.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="where to (build/site)")
    parser.add_argument("--external", action="store_true", help="also list the links that lead elsewhere")
    given = parser.parse_args()
    work, out = ROOT / "build" / "docs", given.out.resolve()
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
