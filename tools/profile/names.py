"""Makes the names of C++ functions short enough to read: no template arguments, no parameters."""

import functools

OPERATORS = ("operator()", "operator<<", "operator>>", "operator<=>", "operator<=", "operator>=", "operator<",
             "operator>", "operator->")


@functools.lru_cache(maxsize=None)
def short(name):
    """`name` without what stands in <>, () and after a blank at the outermost level."""
    if name.startswith("["):  # [unknown]
        return name
    kept, depth, at = [], 0, 0
    while at < len(name):
        operator = next((one for one in OPERATORS if name.startswith(one, at)), None)
        if operator:
            kept += [operator] if depth == 0 else []
            at += len(operator)
            continue
        letter = name[at]
        if letter in "<({[":
            # What is said to be anonymous or a lambda is kept as a word, since it is where a name would be.
            for word, said in (("(anonymous namespace)", "(anonymous)"), ("{lambda", "{lambda}")):
                if depth == 0 and name.startswith(word, at):
                    kept.append(said)
            depth += 1
        elif letter in ">)}]":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(letter)
        at += 1
    text = "".join(kept).strip()
    for tail in (" const", " [clone .actor]", " noexcept"):
        text = text.removesuffix(tail)
    # A return type, which templates have in front.
    head, _, last = text.rpartition(" ")
    return last if head and not head.endswith("operator") and not last.startswith("[") else text or name
