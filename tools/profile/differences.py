"""What differs between two profiles, as rows of a table."""

import summary

# What differs anyway, and says nothing of what was measured.
UNTOLD = ("date", "load_average_before")


def number(value):
    return "" if value is None else f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def change(before, after):
    return f"{after / before - 1:+.1%}" if before and after is not None else ""


def of_figures(judged):
    return [[one.name.replace("_", " "), number(one.before), number(one.after), change(one.before, one.after),
             f"{one.verdict}: {one.why}" if one.why else one.verdict] for one in judged]


def of_facts(one, other):
    names = list(dict.fromkeys([*one["facts"], *other["facts"]]))
    pairs = [(name, one["facts"].get(name), other["facts"].get(name)) for name in names if name not in UNTOLD]
    return [[name, str(before), str(after)] for name, before, after in pairs if before != after]


def of_functions(one, other, part, key, form):
    """The functions whose figures differ most, as far as `form` shows it; None where a side has left the part out."""
    if part not in one or part not in other:
        return None
    before, after = (dict(profile[part][key]) for profile in (one, other))
    names = sorted({*before, *after}, key=lambda name: (-abs(after.get(name, 0) - before.get(name, 0)), name))
    rows = []
    for name in names:
        was, now = before.get(name, 0), after.get(name, 0)
        if format(was, form) == format(now, form) or len(rows) == summary.TOP:
            break
        rows.append([name, format(was, form), format(now, form), format(now - was, "+" + form)])
    return rows
