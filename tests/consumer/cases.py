"""What a case is, and how it says what is wrong."""

import shutil
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


def need(command):
    if not shutil.which(command):
        raise Missing(f"{command} isn't installed")


def case(title, rows=((),), slow=False, alone=False):
    """Makes a function cases, one for each row, which are its arguments."""

    def register(function):
        CASES.extend(Case(title.format(*row), function, row, slow, alone) for row in rows)
        return function

    return register
