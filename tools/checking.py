"""What the checks of the tree have in common: how they are called, and how they tell what they have found."""

import sys


def main(usage, check, self_test):
    """`check` returns its complaints and a line that sums up; `self_test` is what `tell_cases` takes."""
    arguments = sys.argv[1:]
    if arguments == ["--self-test"]:
        return tell_cases(self_test())
    if arguments:
        sys.exit(usage)
    complaints, summary = check()
    print(*complaints, summary, sep="\n")
    return 1 if complaints else 0


def tell_cases(problems):
    """`problems` has one entry for each case of a self-test: what is wrong with it, if anything."""
    problems = list(problems)
    wrong = list(filter(None, problems))
    print(*wrong, f"{len(problems) - len(wrong)} passed, {len(wrong)} failed", sep="\n")
    return 1 if wrong else 0
