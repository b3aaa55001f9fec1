"""The mutants of a source file: each is one line, changed in one way in which a slip of the hand might."""

import hashlib
import re
from dataclasses import dataclass

# Comments, strings and characters are no code; raw strings first, since they may hold any of the others.
NO_CODE = re.compile(
    r'R"([^(]*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])\'', re.DOTALL)

# (what it is, where it is found, what it becomes). clang-format sets spaces around binary operators, and none
# around those of templates, references and pointers.
TOKENS = [
    ("comparison", re.compile(r"(?<= )==(?= )"), ("!=",)),
    ("comparison", re.compile(r"(?<= )!=(?= )"), ("==",)),
    ("boundary", re.compile(r"(?<= )<=(?= )"), ("<", ">")),
    ("boundary", re.compile(r"(?<= )>=(?= )"), (">", "<")),
    ("boundary", re.compile(r"(?<= )<(?= )"), ("<=", ">=")),
    ("boundary", re.compile(r"(?<= )>(?= )"), (">=", "<=")),
    ("logic", re.compile(r"(?<= )&&(?=[ \n])"), ("||",)),
    ("logic", re.compile(r"(?<= )\|\|(?=[ \n])"), ("&&",)),
    ("arithmetic", re.compile(r"(?<= )\+(?= )"), ("-",)),
    ("arithmetic", re.compile(r"(?<= )-(?= )"), ("+",)),
    ("arithmetic", re.compile(r"(?<= )\+=(?= )"), ("-=",)),
    ("arithmetic", re.compile(r"(?<= )-=(?= )"), ("+=",)),
    ("arithmetic", re.compile(r"\bstd::min\b"), ("std::max",)),
    ("arithmetic", re.compile(r"\bstd::max\b"), ("std::min",)),
    ("value", re.compile(r"\btrue\b"), ("false",)),
    ("value", re.compile(r"\bfalse\b"), ("true",)),
    ("constant", re.compile(r"(?<![\w.'])\d+(?![\w.'])"), None),
]
CONDITION = re.compile(r"\b(?:if|while) \(")
# Statements that stand on a line of their own and declare nothing.
REMOVED = [
    re.compile(r"(?:\+\+|--)[\w.\->\[\]()*]+;"),
    re.compile(r"[\w.\->\[\]()*]+ (?:[+\-|&^]|<<|>>)?= [^;]*;"),
    re.compile(r"[\w.\->:]+\([^;]*\);"),
    re.compile(r"(?:return|break|continue);"),
]
NEVER_REMOVED = ("static_assert", "assert(", "BOOST_", "namespace ", "using ")


@dataclass(frozen=True)
class Mutant:
    path: str
    number: int  # of the line, from 1
    kind: str
    before: str
    after: str

    @property
    def name(self):
        """Stays the same when other lines come and go."""
        text = "\0".join((self.path, str(self.before), str(self.after)))
        return hashlib.sha1(text.encode()).hexdigest()[:12]

    def __str__(self):
        return f"{self.path}:{self.number}: {self.before.strip()}  ->  {self.after.strip() or '(nothing)'}"


def code_only(text):
    """The text with blanks in place of what is no code, line for line and column for column."""
    return NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def closing(line, opening):
    """Where the parenthesis that opens there is closed, or None."""
    depth = 0
    for at in range(opening, len(line)):
        depth += {"(": 1, ")": -1}.get(line[at], 0)
        if depth == 0:
            return at
    return None


def constants(text):
    value = int(text)
    return (str(value + 1),) if value == 0 else (str(value + 1), str(value - 1))


def changes(line, code, begins):
    """(kind, the new line) of each mutant of one line, of which `code` is the part that is code.
    `begins`: nothing of the line before goes on in this one."""
    bare = code.strip()
    if not bare or bare.startswith(("#", "template", "static_assert", "requires", "case ")) or "operator" in bare:
        return
    if bare.endswith(("= 0;", "= default;", "= delete;")) and ")" in bare:
        return
    for kind, pattern, becomes in TOKENS:
        for found in pattern.finditer(code):
            for new in becomes or constants(found[0]):
                yield kind, line[:found.start()] + new + line[found.end():]
    for found in CONDITION.finditer(code):
        end = closing(code, found.end() - 1)
        inner = line[found.end():end] if end is not None else ""
        # `if (init; condition)` and `if (auto x = ...)` hold more than a condition.
        plain = inner and ";" not in inner and " = " not in inner
        # One comparison turned round is a mutant of the kind above.
        if plain and not re.fullmatch(r"[^&|]* [=!]= [^&|]*", inner):
            yield "negation", f"{line[:found.end()]}!({inner}){line[end:]}"
    if begins and not bare.startswith(NEVER_REMOVED) and any(pattern.fullmatch(bare) for pattern in REMOVED):
        yield "removal", line[:len(line) - len(line.lstrip())] + ";"


def mutants_of(path, text):
    """Those of one file, each line's first occurrence only where the same line stands twice."""
    found, before = {}, ";"
    for number, (line, code) in enumerate(zip(text.split("\n"), code_only(text).split("\n")), 1):
        for kind, after in changes(line, code, before.endswith((";", "{", "}", ":", ")", "else"))):
            mutant = Mutant(path, number, kind, line, after)
            found.setdefault(mutant.name, mutant)
        before = code.strip() or before
    return list(found.values())
