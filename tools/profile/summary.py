"""The one page that tells what a profile found: summary.md."""

TOP = 12
UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def size(count):
    """A number of bytes as people read it."""
    unit, factor = next((pair for pair in UNITS if count >= pair[1]), ("B", 1))
    return f"{count / factor:.1f} {unit}" if factor > 1 else f"{count:.0f} B"


def table(heads, rows):
    # What is code must not end a cell.
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]


def load_part(load):
    rates = [one["rate"] for one in load["rounds"]]
    floor = "not measured with these messages"
    if "rate_of_floor" in load:
        floor = ", ".join(f"{load[f'{name}_of_floor']:.2f}" for name in ("rate", "p50", "p99"))
    rows = [["messages a second (best of the rounds)", f"{load['rate']:.0f}"],
            ["the rounds, from slowest to fastest", f"{min(rates):.0f} to {max(rates):.0f}"],
            ["beside the floor (medians): rate, p50, p99", floor]]
    if "p50_us" in load:
        rows.append(["latency, us: p50, p90, p99, p99.9, max",
                     ", ".join(f"{load[f'{name}_us']:.1f}" for name in ("p50", "p90", "p99", "p99_9", "max"))])
    cpu = load["server_cpu_us_per_message"]
    rows += [["CPU time a message, us: server, client",
              f"{'unknown' if cpu is None else f'{cpu:.2f}'}, {load['client_cpu_us_per_message']:.2f}"],
             ["messages, errors", f"{load['messages']}, {load['errors']}"]]
    return ["## Load", "", *table(["", ""], rows), ""]


def cpu_part(cpu):
    rows = [[f"{share:.1%}", f"`{name}`"] for name, share in cpu["functions"][:TOP]]
    return [f"## Time: top functions ({cpu['samples']} samples of cpu-clock)", "",
            *table(["of the time", "function (`_[k]`: the kernel's)"], rows), ""]


def instructions_part(counted):
    rows = [[f"{figure:.0f}", f"`{name}`"] for name, figure in counted["functions"][:TOP]]
    return [f"## Instructions: {counted['per_message']:.1f} a message (replay `{counted['replay']}`)", "",
            *table(["a message", "function"], rows), ""]


def heap_part(heap):
    rows = [[f"{calls * heap['messages']:.0f}", f"{calls:.4f}", f"`{name}`"] for name, calls in heap["sites"][:TOP]]
    return [f"## Heap: {heap['allocations_per_message']:.4f} allocations a message, peak {size(heap['peak_bytes'])}, "
            f"{heap['leaked_allocations']} not given back", "",
            *table([f"in {heap['messages']} messages", "a message", "allocation site"], rows), ""]


def page(profile):
    """The text of summary.md."""
    lines = [f"# {profile['name']}, {profile['time']}", ""]
    for left in profile["left_out"]:
        lines += [f"**Left out: {left['part']}.** {left['why']}", ""]
    for part, write in (("load", load_part), ("cpu", cpu_part), ("instructions", instructions_part),
                        ("heap", heap_part)):
        if part in profile:
            lines += write(profile[part])
    rows = [[name, ", ".join(value) if isinstance(value, list) else value]
            for name, value in profile["facts"].items()]
    return "\n".join([*lines, "## Machine", "", *table(["", ""], rows)]) + "\n"
