"""The pages as Sphinx reads them: copies, with their links turned into those of the site."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from reference import HEADERS, ROOT, to_reference

sys.path.append(str(Path(__file__).resolve().parent.parent))
from check_snippets import FENCE, MARK  # noqa: E402

# Pages outside of docs/, by their place in the site.
MOVED = {"docs/README.md": "index.md", "docs/decisions/README.md": "decisions/index.md",
         "docs/benchmarks/README.md": "benchmarks/index.md", "README.md": "overview.md",
         "HACKING.md": "hacking.md", "CHANGELOG.md": "changelog.md", "examples/README.md": "examples/index.md"}
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".inl": "cpp", ".py": "python", ".mjs": "js", ".json": "json"}

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

    def turned(self, page, first, match):
        """A link of a page, or code that looks like one, as it is in the site. `first`: its paragraph's first line."""
        code, image, text, target = match.groups()
        if code or SCHEME.match(target) or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(page), path))
        if there.startswith("..") or not (ROOT / there).exists():
            line = first + match.string.count("\n", 0, match.end())
            self.complaints.append(f"{page}:{line}: {target} is not there")
            return match[0]
        return image + self.link(page, text, there, f"#{anchor}" if anchor else "")

    def link(self, page, text, there, anchor=""):
        place = os.path.relpath(self.place(there), os.path.dirname(self.pages[page]) or ".")
        return to_reference(text, place + anchor) if place.endswith(".html") else f"[{text}]({place}{anchor})"

    def page(self, path):
        out, text, fence, mark, code = [], [], None, None, []

        def end_paragraph(number):
            # Indented by four it is code.
            if text and not text[0].startswith("    "):
                first = number - len(text)
                text[:] = [LINK.sub(lambda match: self.turned(path, first, match), "\n".join(text))]
            out.extend(text)
            text.clear()

        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            opening = FENCE.fullmatch(line)
            if fence and line.strip() != fence:
                code.append(line)
            elif fence:
                out += [*textwrap.dedent("\n".join(code)).splitlines(), line]
                if mark:
                    out += ["", '<div class="from">', "", self.link(path, mark[2], mark[2]), "", "</div>", ""]
                fence, code = None, []
            elif opening:
                fence, mark = opening[1], MARK.fullmatch(text[-1] if text else "")
                end_paragraph(number)
                out.append(line)
            elif line:
                text.append(line)
            else:
                end_paragraph(number)
                out.append(line)
        end_paragraph(number + 1)
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
        rest = [place.removesuffix(".md") for page, place in self.pages.items()
                if page.startswith("examples/") and page not in listed]
        out += ["```", "", "```{toctree}", ":hidden:", ":caption: Examples", "", *rest, "```"]
        return "\n".join(["", *out, ""])


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
