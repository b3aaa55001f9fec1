"""Reads what perf, callgrind and heaptrack record. A stack is a tuple of functions, the outermost first."""

import re
from collections import Counter, namedtuple

from names import short

UNKNOWN = "[unknown]"


# --- perf ---------------------------------------------------------------------------------------------------------

FRAME = re.compile(r"^\s+([0-9a-f]+)\s+(.*?)(?: \(([^()]*|\[[^]]*\])\))?$")


def from_perf_script(lines):
    """Stacks and their samples, of the output of `perf script -F comm,ip,sym,dso`."""
    stacks, frames = Counter(), []

    def end():
        # Frame pointers of libraries that were built without them lead nowhere: one unknown stands for a row.
        stack = []
        for function in reversed(frames):
            if function != UNKNOWN or not stack or stack[-1] != UNKNOWN:
                stack.append(function)
        if stack:
            stacks[tuple(stack)] += 1
        frames.clear()

    for line in lines:
        found = FRAME.match(line)
        if not line.strip():
            end()
        elif found and line[0] in " \t":
            kernel = "_[k]" if "kernel.kallsyms" in (found[3] or "") else ""
            frames.append(UNKNOWN if found[2] == UNKNOWN else short(found[2]) + kernel)
    end()
    return stacks


def to_folded(stacks):
    """The usual text form: a;b;c COUNT."""
    return "".join(f"{';'.join(frame.replace(';', ':') for frame in stack)} {count}\n"
                   for stack, count in sorted(stacks.items()))


def from_folded(text):
    stacks = Counter()
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        stacks[tuple(stack.split(";"))] += int(count)
    return stacks


def own_time(stacks):
    """How often each function was the innermost."""
    own = Counter()
    for stack, count in stacks.items():
        own[stack[-1]] += count
    return own


# --- callgrind ----------------------------------------------------------------------------------------------------

def from_callgrind(lines):
    """Instructions by function, each without what it calls, of callgrind's own file."""
    names, own = {}, Counter()
    function, is_call = "", False
    for line in lines:
        if line.startswith("fn="):
            number, _, name = line[3:].strip().partition(" ")
            if name:
                names[number] = name
            function = names.get(number, number)
        elif line.startswith(("cfn=", "cfi=", "cfl=", "cob=")):
            if line.startswith("cfn="):
                number, _, name = line[4:].strip().partition(" ")
                if name:
                    names[number] = name
        elif line.startswith("calls="):
            is_call = True  # the next line has the cost of the callee
        elif line[:1].isdigit() or line.startswith(("+", "-", "*")):
            if not is_call:
                own[short(function)] += int(line.split()[1])
            is_call = False
    return own


# --- heaptrack ----------------------------------------------------------------------------------------------------

Heap = namedtuple("Heap", "allocations freed peak_bytes stacks")
# How memory is asked for is no answer to the question who asks.
PLUMBING = re.compile(r"std::|__gnu|operator new|malloc|boost::asio::(aligned_new|detail::(thread_info_base|"
                      r"awaitable_frame|.*recycling_allocator)|asio_handler_allocate)|boost::asio::detail::.*ptr::"
                      r"|boost::asio::detail::.*::allocate|(allocate|make_unique|make_shared)$")


def from_heaptrack(lines):
    """What heaptrack_interpret writes: `stacks` are the calls that asked for memory, and how often."""
    strings, instructions, traces, sizes = [""], [()], [(0, 0)], []
    calls, alive = Counter(), Counter()
    now = peak = freed = 0
    for line in lines:
        kind, _, rest = line.rstrip("\n").partition(" ")
        if kind == "s":
            strings.append(rest.partition(" ")[2])
        elif kind == "i":
            fields = [int(field, 16) for field in rest.split()]
            # address, module, then (function, file, line) of the code there and of those that it is inlined into
            frames = fields[2::3]
            instructions.append(tuple(short(strings[name]) or UNKNOWN for name in frames) or (UNKNOWN,))
        elif kind == "t":
            traces.append(tuple(int(field, 16) for field in rest.split()))
        elif kind == "a":
            sizes.append(tuple(int(field, 16) for field in rest.split()))
        elif kind == "+":
            which = int(rest, 16)
            calls[sizes[which][1]] += 1
            alive[which] += 1
            now += sizes[which][0]
            peak = max(peak, now)
        elif kind == "-":
            which = int(rest, 16)
            now -= sizes[which][0]
            freed += 1

    def stack_of(trace):
        frames = []
        while trace:
            instruction, trace = traces[trace]
            frames += instructions[instruction]
        return tuple(reversed(frames))

    stacks = Counter()
    for trace, count in calls.items():
        stacks[stack_of(trace)] += count
    return Heap(sum(calls.values()), freed, peak, stacks)


def allocation_sites(stacks):
    """How often each function asked for memory, where that is not just how memory is asked for."""
    sites = Counter()
    for stack, count in stacks.items():
        site = next((frame for frame in reversed(stack) if frame != UNKNOWN and not PLUMBING.match(frame)), stack[-1])
        sites[site] += count
    return sites
