"""Draws stacks as a flame graph: SVG that scales with the page, and a few lines of script to look closer.

Of the packages in Debian 12 none draws one. Each frame is an <svg> within the graph, with its place in percent: its
text is cut where it ends and keeps its size however wide the page is.
"""

from collections import Counter
from html import escape

ROW = 17
# Frames thinner than this part of the graph are left out.
LEAST = 0.0015
# A change of this part of all between the two graphs is marked.
MARKED = 0.01

# Who a function belongs to, by how its name begins; the rest is the C and C++ libraries'.
OWNERS = [("antiphon", "own"), ("boost", "asio"), ("std", "std"), ("load", "own")]

STYLE = """
.flame { display: block; width: 100%; font: 11px ui-monospace, monospace; cursor: pointer; background: #fafafa; }
.flame rect { stroke: #fafafa; stroke-width: 1; }
.flame .own rect { fill: #f4a460; } .flame .asio rect { fill: #f3dc8b; } .flame .std rect { fill: #cfe3b4; }
.flame .kernel rect { fill: #b4c7e3; } .flame .other rect { fill: #dcdcdc; }
.flame .more rect { stroke: #c00000; stroke-width: 3; } .flame .less rect { stroke: #0050c0; stroke-width: 3; }
"""

SCRIPT = """
document.querySelectorAll('svg.flame').forEach(graph => {
  const frames = [...graph.querySelectorAll('svg')];
  const place = frame => [+frame.dataset.x, +frame.dataset.w, +frame.dataset.d];
  frames.forEach(clicked => clicked.addEventListener('click', () => {
    const [x0, w0, d0] = place(clicked);
    for (const frame of frames) {
      const [x, w, d] = place(frame);
      const below = d >= d0 && x >= x0 - 1e-9 && x + w <= x0 + w0 + 1e-9;
      const above = d < d0 && x <= x0 + 1e-9 && x + w >= x0 + w0 - 1e-9;
      frame.style.display = below || above ? '' : 'none';
      frame.setAttribute('x', above ? '0%' : (x - x0) / w0 * 100 + '%');
      frame.setAttribute('width', above ? '100%' : w / w0 * 100 + '%');
    }
  }));
});
"""


def owner(name):
    if name.endswith("_[k]"):
        return "kernel"
    return next((kind for start, kind in OWNERS if name.startswith(start)), "other")


def parts(stacks):
    """Which part of all each stack and each beginning of one has."""
    total = sum(stacks.values()) or 1
    found = Counter()
    for stack, count in stacks.items():
        for depth in range(1, len(stack) + 1):
            found[stack[:depth]] += count / total
    return found


def graph(stacks, label, unit, other=None):
    """The SVG of these stacks, roots above. `other`: stacks to compare with; frames that changed get an edge."""
    shares = parts(stacks)
    before = parts(other) if other else None
    total = sum(stacks.values())
    frames, ends = [], {(): 0.0}
    # Sorted, so that a frame's children stand side by side in the same order in every graph.
    for path in sorted(shares):
        parent = path[:-1]
        x = ends.get(parent)
        if x is None:
            continue  # its parent is too thin
        share = shares[path]
        ends[parent] = x + share
        if share < LEAST:
            continue
        ends[path] = x
        frames.append((path, x, share))
    rows = max((len(path) for path, *_ in frames), default=0) + 1
    drawn = [frame((label,), 0.0, 1.0, 0, f"{label}: {total} {unit}", "all")]
    for path, x, share in frames:
        title = f"{path[-1]}: {share:.1%}, {share * total:.0f} {unit}"
        kind = owner(path[-1])
        if before is not None:
            change = share - before[path]
            title += f" ({change:+.1%})"
            kind += " more" if change > MARKED else " less" if change < -MARKED else ""
        drawn.append(frame(path, x, share, len(path), title, kind))
    return (f'<svg class="flame" height="{rows * ROW}" role="img" aria-label="{escape(label, True)}">'
            f'{"".join(drawn)}</svg>')


def last_names(name):
    """What fits into a frame; the title has the whole name."""
    return "::".join(name.split("::")[-2:])


def frame(path, x, share, depth, title, kind):
    return (f'<svg class="{kind}" x="{x:.4%}" y="{depth * ROW}" width="{share:.4%}" height="{ROW}" '
            f'data-x="{x:.6f}" data-w="{share:.6f}" data-d="{depth}"><title>{escape(title)}</title>'
            f'<rect width="100%" height="100%" fill="#eeeeee"/>'
            f'<text x="3" y="12">{escape(last_names(path[-1]))}</text></svg>')
