"""Whether the second of two profiles is better or worse than the first: of each figure, and in all.

A figure must differ by more than its `percent` and by more than its `absolute` in thresholds.json; where it was
measured in several rounds, each of B's must lie beyond each of A's. One that is worse makes the verdict worse; else
one that is better makes it better; else it is the same. Figures with `without_floor` depend on the machine's speed at
that time: they are judged only where the floor was not measured beside them, and never between different machines.
"""

from collections import namedtuple

# Where each figure stands in profile.json.
FIGURES = {
    "instructions_per_message": ("instructions", "per_message"),
    "allocations_per_message": ("heap", "allocations_per_message"),
    "peak_heap_bytes": ("heap", "peak_bytes"),
    "leaked_allocations": ("heap", "leaked_allocations"),
    **{name: ("load", name) for name in ("rate_of_floor", "p50_of_floor", "p99_of_floor", "rate", "p50_us", "p99_us",
                                         "errors")},
}
MACHINE = ("cpu", "cores", "kernel")

Judged = namedtuple("Judged", "name before after verdict why", defaults=[""])


class Unusable(Exception):
    """The two can't be compared; the text says why."""


def figure(profile, name):
    part, key = FIGURES[name]
    return profile.get(part, {}).get(key)


def rounds(profile, name):
    return [one[name] for one in profile.get("load", {}).get("rounds", []) if name in one]


def overlap(some, others):
    """Whether the rounds are mixed up, so that their difference may be chance."""
    return bool(some and others) and min(some) <= max(others) and min(others) <= max(some)


def judge_one(threshold, before, after, before_rounds=(), after_rounds=()):
    gain = before - after if threshold["wanted"] == "less" else after - before
    least = max(abs(before) * threshold["percent"] / 100, threshold["absolute"])
    if abs(gain) <= least or overlap(before_rounds, after_rounds):
        return "same"
    return "better" if gain > 0 else "worse"


def same_machine(one, other):
    return all(one["facts"].get(fact) == other["facts"].get(fact) for fact in MACHINE)


def judge(one, other, thresholds):
    """Each figure's verdict, and that of all."""
    if one["name"] != other["name"] or one["load_options"] != other["load_options"]:
        raise Unusable(f"different workloads: {one['name']} {' '.join(one['load_options'])} and "
                       f"{other['name']} {' '.join(other['load_options'])}")
    alike = same_machine(one, other)
    with_floor = all(figure(side, "rate_of_floor") is not None for side in (one, other))
    judged = []
    for name, threshold in thresholds.items():
        before, after = figure(one, name), figure(other, name)
        if before is None or after is None:
            which = " and ".join(side for side, value in (("A", before), ("B", after)) if value is None)
            judged.append(Judged(name, before, after, "not judged", f"{which} has none"))
        elif threshold.get("without_floor") and with_floor:
            judged.append(Judged(name, before, after, "not judged", "it depends on the moment"))
        elif threshold.get("without_floor") and not alike:
            judged.append(Judged(name, before, after, "not judged", "different machines"))
        else:
            what = judge_one(threshold, before, after, rounds(one, name), rounds(other, name))
            judged.append(Judged(name, before, after, what))
    verdicts = {one.verdict for one in judged}
    if not verdicts & {"worse", "better", "same"}:
        raise Unusable("they have no figure in common")
    return judged, next(verdict for verdict in ("worse", "better", "same") if verdict in verdicts)
