"""What a case is, and how it says what is wrong."""

from collections import namedtuple

# `slow` ones run with --all only; one that is `alone` while no other does.
Case = namedtuple("Case", "name function row slow alone")
CASES = []


class Failure(Exception):
    pass


class Missing(Exception):
    """Something that a case needs isn't there."""


def check(condition, what):
    if not condition:
        raise Failure(what() if callable(what) else what)


def case(title, rows=((),), slow=False, alone=False):
    """One case for each row. Those that are `slow` run with --all only; one that is `alone` while no other does."""

    def register(function):
        for row in rows:
            CASES.append(Case(title.format(*row), function, row, slow, alone))
        return function

    return register
