"""The reference: Doxygen's pages of the headers, and a page of all their names."""

import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "docs" / "site"
HEADERS = "include/antiphon"
AWESOME = Path("/usr/share/doxygen-awesome-css")

Name = namedtuple("Name", "name brief page header")

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


def to_reference(text, page):
    """A link to a page that Sphinx doesn't know."""
    return f'<a class="reference internal" href="{page}">{text}</a>'


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
                self.keep(f"{name}::{member.findtext('name')}", member, f"{page}.html#{anchor}")
        elif name.startswith("antiphon::") and "<" not in name and definition.get("prot") == "public":
            self.keep(name, definition, f"{refid}.html")

    def keep(self, name, definition, page):
        brief = " ".join("".join(definition.find("briefdescription").itertext()).split())
        header = header_of(definition)
        known = any(other.name == name and other.header == header for other in self.names)
        if not known and "@" not in name:
            self.names.append(Name(name, brief, f"reference/{page}", header))

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
    if not AWESOME.is_dir():
        sys.exit(f"docs: no {AWESOME}: the package doxygen-awesome-css of Debian has it")
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
