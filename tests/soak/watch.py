"""Whether a process stays as small as it was: its resident set over time, and what it has open."""

import statistics
import time

from connection import Failure, check
from relay_process import children_of, descriptors, resident

# A peak is no growth: of each of so many windows the smallest sample counts.
WINDOWS = 10
# What free lists and the allocator may keep of messages of up to 2 MiB that came by chance after the warm-up.
MAY_GROW = 2 << 20


def fit(samples):
    """(growth over the whole time, standard deviation of what the line leaves), both in bytes, of the least of each
    window. `samples` are (seconds, bytes)."""
    first, last = samples[0][0], samples[-1][0]
    width = (last - first) / WINDOWS or 1
    lows = {}
    for when, size in samples:
        window = min(int((when - first) / width), WINDOWS - 1)
        lows[window] = min(size, lows.get(window, size))
    slope, offset = statistics.linear_regression(list(lows), list(lows.values()))
    rest = [size - (offset + slope * window) for window, size in lows.items()]
    return slope * (WINDOWS - 1), statistics.pstdev(rest)


def quiet_descriptors(pid):
    """What is open once nothing changes any more: a connection that was just closed here may still be open there."""
    known, same = descriptors(pid), 0
    for _ in range(100):
        time.sleep(0.02)
        now = descriptors(pid)
        known, same = now, same + 1 if now == known else 0
        if same == 10:
            return known
    raise Failure("the descriptors of a server at rest come and go")


class Watched:
    """A process that serves all the time. Its descriptors are counted now, before any load."""

    def __init__(self, name, pid):
        self.name, self.pid = name, pid
        self.descriptors = quiet_descriptors(pid)
        self.samples = []

    def sample(self):
        self.samples.append((time.monotonic(), resident(self.pid)))

    def check_memory(self, warm_up):
        """A line of figures. What came before `warm_up` (a moment) doesn't count."""
        counted = [one for one in self.samples if one[0] >= warm_up]
        check(len(counted) >= 2 * WINDOWS, f"{self.name}: only {len(counted)} samples of memory")
        growth, noise = fit(counted)
        bound = MAY_GROW + 3 * noise
        text = (f"{self.name}: {counted[-1][1] / (1 << 20):.1f} MiB RSS, {growth / 1024:+.0f} KiB in "
                f"{counted[-1][0] - counted[0][0]:.0f} s (bound {bound / 1024:.0f} KiB)")
        check(growth <= bound, f"memory grows: {text}")
        return text

    def zombies(self):
        return [child for child, state in children_of(self.pid) if state == "Z"]

    def at_rest(self):
        """Nothing is left of what came and went."""
        return descriptors(self.pid) == self.descriptors and not self.zombies()

    def what_is_left(self):
        return (f"{self.name}: {descriptors(self.pid)} descriptors, {self.descriptors} at the start; "
                f"zombies: {self.zombies()}")
