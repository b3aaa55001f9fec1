#!/usr/bin/env python3
"""Fails on an include that goes upward: the floors and what each may see are in FLOORS below. And on a use of the
operating system outside of the files that are named after it: see SYSTEM_FILE.

    check_layers.py              check the tree that this file stands in
    check_layers.py --self-test  check the checker, on trees with one bad include each
"""

import os
import re
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import checking
from house import ROOT

# The first pattern that matches a path from the project's root names its floor.
PLACES = [
    ("ground", r"include/antiphon/(buffer|error|fwd|version)\.hpp|lib/error\.cpp"),
    ("streaming", r"(include/antiphon/)?streaming/.*"),
    ("transport", r"(include/antiphon/)?transport/.*"),
    ("public relay", r"include/antiphon/relay/.*"),
    ("relay", r"lib/relay/.*"),
    ("public testing", r"include/antiphon/testing/.*"),
    ("testing", r"lib/testing/.*"),
    ("public", r"include/antiphon/.*"),
    ("lib", r"lib/.*"),
    ("unit tests", r"((tests/unit|benchmarks/correlation)/.*|tests/fuzz/fuzz_scanner\.cpp)"),
    ("users", r"(tools|examples|tests|benchmarks|docs)/.*"),
]

# What a floor may include of the house, and the foreign headers it may not.
Floor = namedtuple("Floor", "sees forbidden")
ASIO = r"boost/asio(/.*|\.hpp)"
JSON = r"boost/json(/.*|\.hpp)"
THREADS = r"thread|mutex|shared_mutex|condition_variable|future|stop_token"
INPUT_OUTPUT = r"sys/.*|unistd\.h|fcntl\.h|poll\.h|fstream|iostream"
FLOORS = {
    "ground": Floor({"ground"}, [ASIO, JSON, THREADS, INPUT_OUTPUT]),
    "streaming": Floor({"ground", "streaming"}, [ASIO, THREADS, INPUT_OUTPUT]),
    "transport": Floor({"ground", "transport"}, [JSON]),
    "public": Floor({"ground", "streaming", "transport", "public"}, []),
    "lib": Floor({"ground", "streaming", "transport", "public", "lib"}, []),
    # A library of its own, on top.
    "public relay": Floor({"ground", "streaming", "transport", "public", "public relay"}, []),
    "relay": Floor({"ground", "streaming", "transport", "public", "lib", "public relay", "relay"}, []),
    # Another one, for tests.
    "public testing": Floor({"ground", "streaming", "transport", "public", "public testing"}, []),
    "testing": Floor({"ground", "streaming", "transport", "public", "public testing", "testing"}, []),
    "unit tests": Floor({"ground", "streaming", "transport", "public", "lib", "public relay", "relay",
                         "public testing", "unit tests", "users"}, []),
    "users": Floor({"ground", "streaming", "transport", "public", "public relay", "public testing", "users"}, []),
}

# The library itself uses the operating system in these files only: for another one there are others.
SYSTEM_FILE = re.compile(r"(.*/)?posix_[^/]*")
PORTABLE_FLOORS = set(FLOORS) - {"unit tests", "users"}
# C++ has no headers that end like this: they are the system's, but for the compiler's own and fmt's.
SYSTEM_HEADER = re.compile(r"(?!(immintrin|arm_neon)\.h$|fmt/).*\.h|boost/asio/(posix|local)/.*")
SYSTEM_NAME = re.compile(r"\bposix::|\basio::local\b|\b(errno|ssize_t|off_t|[pug]id_t|iovec|pollfd|sockaddr\w*)\b"
                         r"|(?<![\w:>])::(?!operator\b|new\b)[a-z_]\w*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SKIPPED_DIRECTORIES = {".git", "build", "node_modules", "subprojects", "__pycache__"}


def floor_of(path):
    return next((floor for floor, pattern in PLACES if re.fullmatch(pattern, path)), None)


def is_public(path):
    return path.startswith("include/")


def resolve(root, source, name, quoted):
    """The path from the root that an include of ours leads to, or None for a foreign header."""
    starts = ["include", ""]
    if quoted:
        starts.insert(0, os.path.dirname(source))
    for start in starts:
        path = os.path.normpath(os.path.join(start, name))
        if (root / path).is_file():
            return path
    if name.startswith("antiphon/"):
        return f"include/{name}"
    return None


def is_portable(path):
    return floor_of(path) in PORTABLE_FLOORS and not SYSTEM_FILE.fullmatch(path)


def complaint(root, source, name, quoted):
    """Why `source` may not include `name`, or None."""
    floor = floor_of(source)
    target = resolve(root, source, name, quoted)
    if is_portable(source) and (SYSTEM_FILE if target else SYSTEM_HEADER).fullmatch(target or name):
        return f"only a file named posix_* may include <{name}>"
    if target is None:
        if any(re.fullmatch(pattern, name) for pattern in FLOORS[floor].forbidden):
            return f"{floor} may not use <{name}>"
        return None
    target_floor = floor_of(target)
    if target_floor not in FLOORS[floor].sees:
        return f"{floor} may not include {target}, which belongs to {target_floor}"
    if is_public(source) and not is_public(target):
        return f"a public header may not include {target}, which is not installed"
    own_house = target_floor in ("ground", "streaming", "transport", "public", "public relay", "public testing")
    if floor == "users" and own_house and not is_public(target):
        return f"{floor} may include only <antiphon/...>, not {target}"
    return None


def source_files(root):
    for directory, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in SKIPPED_DIRECTORIES)
        for name in sorted(files):
            if name.endswith((".hpp", ".cpp", ".h", ".inl")):
                path = os.path.relpath(os.path.join(directory, name), root)
                if floor_of(path):
                    yield path


def check(root=ROOT):
    """([complaint lines], the line that sums up)"""
    complaints, files = [], 0
    for path in source_files(root):
        files += 1
        for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
            name = SYSTEM_NAME.search(line.split("//")[0])
            if name and is_portable(path):
                complaints.append(f"{path}:{number}: only a file named posix_* may use {name[0].rstrip('(')}")
            found = INCLUDE.match(line)
            if found:
                why = complaint(root, path, found[1] or found[2], bool(found[1]))
                if why:
                    complaints.append(f"{path}:{number}: {why}")
    return complaints, f"layers: {files} files, {len(complaints)} includes that go upward"


# (file, its include line, whether it is allowed); each is tried in a tree that holds SELF_TEST_TREE.
SELF_TEST_TREE = [
    "include/antiphon/buffer.hpp", "include/antiphon/endpoint.hpp", "include/antiphon/streaming/limits.hpp",
    "include/antiphon/transport/transport.hpp", "streaming/bounds.hpp", "transport/posix_io.hpp",
    "lib/processor.hpp", "examples/demo/clock.hpp", "tests/support/wait.hpp", "lib/relay/passage.hpp",
    "include/antiphon/relay/target.hpp", "include/antiphon/testing/seeds.hpp",
]
SELF_TEST = [
    ("include/antiphon/error.hpp", "#include <antiphon/buffer.hpp>", True),
    ("include/antiphon/error.hpp", "#include <antiphon/endpoint.hpp>", False),
    ("include/antiphon/buffer.hpp", "#include <boost/asio/buffer.hpp>", False),
    ("include/antiphon/buffer.hpp", "#include <boost/json/value.hpp>", False),
    ("streaming/limits.cpp", "#include <antiphon/buffer.hpp>", True),
    ("streaming/limits.cpp", '#include "streaming/bounds.hpp"', True),
    ("streaming/limits.cpp", "#include <boost/json.hpp>", True),
    ("streaming/limits.cpp", "#include <boost/asio.hpp>", False),
    ("streaming/limits.cpp", "#  include  <boost/asio/awaitable.hpp>", False),
    ("streaming/limits.cpp", "#include <thread>", False),
    ("streaming/limits.cpp", "#include <antiphon/transport/transport.hpp>", False),
    ("streaming/limits.cpp", '#include "../transport/posix_io.hpp"', False),
    ("streaming/limits.cpp", '#include "lib/processor.hpp"', False),
    ("include/antiphon/streaming/frame.hpp", "#include <antiphon/endpoint.hpp>", False),
    ("include/antiphon/streaming/frame.hpp", '#include "limits.hpp"', True),
    ("include/antiphon/streaming/frame.hpp", '#include "streaming/bounds.hpp"', False),
    ("transport/stdio.cpp", "#include <boost/asio.hpp>", True),
    ("transport/posix_stdio.cpp", '#include "transport/posix_io.hpp"', True),
    ("transport/stdio.cpp", "#include <boost/json/value.hpp>", False),
    ("transport/stdio.cpp", "#include <antiphon/streaming/limits.hpp>", False),
    ("transport/stdio.cpp", "#include <antiphon/router.hpp>", False),
    ("transport/posix_stdio.cpp", "#include <fcntl.h>", True),
    ("transport/posix_stdio.cpp", "asio::posix::stream_descriptor watch_;", True),
    ("transport/pool.cpp", '#include "transport/posix_io.hpp"', False),
    ("transport/pool.cpp", "#include <sys/mman.h>", False),
    ("transport/pool.cpp", "#include <boost/asio/posix/stream_descriptor.hpp>", False),
    ("transport/pool.cpp", "::munmap(pages, size);", False),
    ("transport/pool.cpp", "void* memory = ::operator new(size);", True),
    ("include/antiphon/transport/pool.hpp", "std::shared_ptr<posix::child> child_;", False),
    ("lib/endpoint.cpp", "ssize_t count = 0;", False),
    ("lib/endpoint.cpp", "#include <unistd.h>", False),
    ("lib/endpoint.cpp", "#include <fmt/core.h>", True),
    ("lib/endpoint.cpp", "asio::local::stream_protocol::socket other;", False),
    ("lib/endpoint.cpp", "// What ::poll says, and posix::stream, is nothing for this file.", True),
    ("streaming/limits.cpp", "#include <immintrin.h>", True),
    ("tools/antiphon/main.cpp", "::close(fd);", True),
    ("lib/endpoint.cpp", '#include "streaming/bounds.hpp"', True),
    ("lib/endpoint.cpp", "#include <antiphon/transport/transport.hpp>", True),
    ("lib/endpoint.cpp", '#include "examples/demo/clock.hpp"', False),
    ("include/antiphon/router.hpp", '#include "lib/processor.hpp"', False),
    ("include/antiphon/router.hpp", "#include <antiphon/relay/target.hpp>", False),
    ("lib/endpoint.cpp", '#include "lib/relay/passage.hpp"', False),
    ("lib/endpoint.cpp", "#include <antiphon/relay/target.hpp>", False),
    ("lib/relay/broker.cpp", '#include "lib/processor.hpp"', True),
    ("include/antiphon/relay/broker.hpp", "#include <antiphon/relay/target.hpp>", True),
    ("examples/demo/main.cpp", "#include <antiphon/relay/target.hpp>", True),
    ("lib/endpoint.cpp", "#include <antiphon/testing/seeds.hpp>", False),
    ("lib/relay/broker.cpp", "#include <antiphon/testing/seeds.hpp>", False),
    ("lib/testing/seeds.cpp", "#include <antiphon/testing/seeds.hpp>", True),
    ("lib/testing/seeds.cpp", '#include "lib/processor.hpp"', False),
    ("tests/unit/testing/test_seeds.cpp", "#include <antiphon/testing/seeds.hpp>", True),
    ("examples/demo/main.cpp", "#include <antiphon/endpoint.hpp>", True),
    ("examples/demo/main.cpp", '#include "clock.hpp"', True),
    ("examples/demo/main.cpp", '#include "lib/processor.hpp"', False),
    ("examples/demo/main.cpp", '#include "../../transport/posix_io.hpp"', False),
    ("benchmarks/echo.cpp", '#include "streaming/bounds.hpp"', False),
    ("tests/integration/test_calls.cpp", '#include "tests/support/wait.hpp"', True),
    ("tests/integration/test_calls.cpp", '#include "lib/processor.hpp"', False),
    ("tests/unit/lib/test_processor.cpp", '#include "lib/processor.hpp"', True),
]


def self_test():
    for source, line, allowed in SELF_TEST:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for path in SELF_TEST_TREE + [source]:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).touch()
            (root / source).write_text(f"#pragma once\n{line}\n")
            complaints, _ = check(root)
        expected = [] if allowed else [f"{source}:2: "]
        as_expected = len(complaints) == len(expected) and all(map(str.startswith, complaints, expected))
        yield None if as_expected else f"{source}: {line}: expected {expected or 'no complaint'}, got {complaints}"


if __name__ == "__main__":
    sys.exit(checking.main(__doc__, check, self_test))
