#!/usr/bin/env python3
"""Uses antiphon as those do who build on it: installed, through pkg-config, CMake and Meson, and as a subproject.

    run.py --build BUILD [--all] [-k FILTER]

A consumer lies in a temporary directory, beside what `meson install` has put into a folder of its own, or a copy
of the files that git knows; of the tree itself nothing may be read. Without --all only BUILD's library is used,
as it was built; with it (`./dev consumers`) the library is built in each way that it can be, which takes long.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.request
from hashlib import sha256
from json import loads
from multiprocessing.pool import ThreadPool
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMPILERS = ("g++", "clang++-19")
STANDARDS = ("c++20", "c++23")
LOUD = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
PARTS = {"call": "antiphon", "relay": "antiphon_relay", "testing": "antiphon_testing"}
# What a reader of the tutorial waits for on a machine of two cores, and what reading names may cost.
SERVER_SECONDS = 5.0
NAMES_SECONDS = 0.2
# On a machine that is slower: the server beside the headers of Boost that each program with coroutines reads.
TIMES_BOOST = 3.0
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
            CASES.append((title.format(*row), function, row, slow, alone))
        return function

    return register


class Prefix:
    """An installed antiphon. It was configured for /usr/local and lies in a folder."""

    def __init__(self, folder, kind):
        self.sysroot, self.path, self.kind = folder, folder / "usr/local", kind
        found = list(self.path.glob("**/antiphon.pc"))
        check(len(found) == 1, f"there is not one antiphon.pc but {found}")
        self.pkgconfig = found[0].parent
        self.libdir = self.pkgconfig.parent

    def environment(self):
        return {"PKG_CONFIG_PATH": str(self.pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(self.sysroot),
                "CMAKE_PREFIX_PATH": str(self.path), "LD_LIBRARY_PATH": str(self.libdir)}


class Yard:
    """A temporary directory, and what several cases use in it, each made once."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.lock = threading.RLock()
        self.made = {}
        self.names = 0
        keep = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "CCACHE_DIR")
        self.base = {name: os.environ[name] for name in keep if name in os.environ}
        # The folder has another name each time.
        self.base.update(CCACHE_BASEDIR=str(folder), CCACHE_NOHASHDIR="1")
        self.ccache = ["ccache"] if shutil.which("ccache") else []

    def once(self, name, make):
        with self.lock:
            if name not in self.made:
                try:
                    self.made[name] = make()
                except (Failure, Missing) as problem:
                    self.made[name] = problem
            if isinstance(self.made[name], Exception):
                raise type(self.made[name])(f"{name}: {self.made[name]}")
            return self.made[name]

    def new_folder(self, name):
        with self.lock:
            self.names += 1
            folder = self.folder / f"{self.names}-{name}"
        folder.mkdir()
        return folder

    def run(self, *command, cwd=None, code=0, seconds=1200, environment=None, text=None):
        """What it printed; how it ended is checked."""
        done = subprocess.run([str(part) for part in command], cwd=cwd or self.folder, input=text,
                              env={**self.base, **(environment or {})}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds)
        if done.returncode != code:
            told = "\n".join(done.stdout.splitlines()[-40:])
            raise Failure(f"exit code {done.returncode}, not {code}: {shlex.join(map(str, command))}\n{told}")
        return done.stdout

    def compiler(self, name="g++"):
        if not shutil.which(name):
            raise Missing(f"{name} isn't installed")
        return [*self.ccache, name]

    def meson_environment(self, compiler="g++"):
        return {"CXX": " ".join(self.compiler(compiler))}

    def source(self):
        """A copy of what git knows, or would if it were asked to add it."""

        def make():
            folder = self.folder / "source"
            listed = self.run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z")
            for name in filter(None, listed.split("\0")):
                if not (ROOT / name).is_file():
                    continue  # removed, and not yet committed
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
            return folder

        return self.once("source", make)

    def installed(self, kind):
        """antiphon built as `kind` and installed. What BUILD is, is taken from there."""

        def make():
            folder = self.folder / f"installed-{kind}"
            build = self.build
            if kind != default_library(self, build):
                build = self.folder / f"build-{kind}"
                self.run("meson", "setup", build, self.source(), f"-Ddefault_library={kind}", "--buildtype=debug",
                         *(f"-D{part}=disabled" for part in ("tests", "examples", "benchmarks", "tools")),
                         environment=self.meson_environment())
                self.run("meson", "compile", "-C", build)
            self.run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
            return Prefix(folder, kind)

        return self.once(f"installed-{kind}", make)

    def flags(self, prefix, kind, *packages):
        """What pkg-config says: the --cflags or the --libs."""
        return shlex.split(self.run("pkg-config", kind, *packages, environment=prefix.environment()))

    def compile(self, prefix, source, *options, package="antiphon", compiler="g++", standard="c++20"):
        """Compiles one of the programs and runs it."""
        folder = self.new_folder(source)
        shutil.copy(HERE / f"{source}.cpp", folder)
        program = folder / source
        self.run(*self.compiler(compiler), f"-std={standard}", *LOUD, *options, "-c", f"{source}.cpp",
                 *self.flags(prefix, "--cflags", package), "-MD", cwd=folder)
        stays_outside(folder)
        self.run(compiler, f"{source}.o", *self.flags(prefix, "--libs", package), "-o", program, cwd=folder)
        return self.run(program, seconds=60, environment=prefix.environment())


def default_library(yard, build):
    options = loads(yard.run("meson", "introspect", "--buildoptions", build))
    return next(option["value"] for option in options if option["name"] == "default_library")


def stays_outside(folder):
    """None of the files that were compiled there are of the tree."""
    told = "".join(file.read_text() for file in folder.glob("**/*.d"))
    if (folder / "build.ninja").exists():
        told += subprocess.run(["ninja", "-C", folder, "-t", "deps"], capture_output=True, text=True).stdout
    check("antiphon/endpoint.hpp" in told, f"nothing of antiphon was compiled in {folder}")
    check(f"{ROOT}/" not in told, lambda: next(line for line in told.splitlines() if f"{ROOT}/" in line))


def public_headers(prefix):
    include = prefix.path / "include"
    return sorted(str(file.relative_to(include)) for file in include.glob("**/*.hpp"))


def everything(prefix):
    return "".join(f"#include <{header}>\n" for header in public_headers(prefix))


# --- what is installed ----------------------------------------------------------------------------------


def installed_files_are_those_listed(yard, kind):
    prefix = yard.installed(kind)
    tools = "tools/antiphon/antiphon:" in (yard.build / "build.ninja").read_text()
    wanted = set()
    for line in (HERE / "installed_files.txt").read_text().splitlines():
        name, _, when = line.partition(" ")
        if when in ("", kind) or (when == "tools" and tools and prefix.kind == default_library(yard, yard.build)):
            wanted.add(name)
    libdir = str(prefix.libdir.relative_to(prefix.path))
    got = {re.sub(f"^{re.escape(libdir)}/", "LIBDIR/", str(file.relative_to(prefix.path)))
           for file in prefix.path.glob("**/*") if not file.is_dir()}
    outside = [str(file) for file in prefix.sysroot.glob("**/*")
               if not file.is_dir() and not file.is_relative_to(prefix.path)]
    check(not outside, f"outside of the prefix: {outside}")
    check(got == wanted, f"not in installed_files.txt: {sorted(got - wanted)}; missing: {sorted(wanted - got)}")


def pkg_config_files_can_be_moved(yard, kind):
    prefix = yard.installed(kind)
    for package in PARTS.values():
        file = prefix.pkgconfig / f"{package}.pc"
        yard.run("pkg-config", "--validate", file)
        for line in file.read_text().splitlines():
            check(line == "prefix=/usr/local" or not re.search(r"(^|[\s=:]|-[IL])/", line),
                  f"an absolute path in {file.name}: {line}")
    for options in ([], ["--static"]):
        told = yard.run("pkg-config", *options, "--define-variable=prefix=/moved", "--cflags", "--libs",
                        "antiphon_relay", environment={"PKG_CONFIG_PATH": str(prefix.pkgconfig)}).split()
        libdir = prefix.libdir.relative_to(prefix.path)
        check("-I/moved/include" in told and f"-L/moved/{libdir}" in told, told)
        check(not [one for one in told if "/usr/local" in one], told)
        # Nothing that a consumer hasn't asked for.
        others = [one for one in told if not re.match(r"-I|-L|-l|-pthread$", one)]
        check(not others, f"{options}: {others}")
        libraries = [one for one in told if one.startswith("-l")]
        check(libraries.index("-lantiphon_relay") < libraries.index("-lantiphon"), libraries)
        fmt = "-lfmt" in libraries
        check(fmt == (kind == "static" or bool(options)), f"{options}: {libraries}")
    wrong = yard.run("pkg-config", "--print-errors", "--exists", "antiphon >= 0.2", code=1,
                     environment={"PKG_CONFIG_PATH": str(prefix.pkgconfig)})
    check("0.1.0" in wrong, wrong)


def cmake_finds_it(yard, kind, compiler="g++"):
    prefix = yard.installed(kind)
    if not shutil.which("cmake"):
        raise Missing("cmake isn't installed")
    folder = yard.new_folder("cmake")
    # Reached through a link, as /lib is on many systems.
    (folder / "link").symlink_to(prefix.path)
    shutil.copytree(HERE / "cmake", folder / "source")
    for name in PARTS:
        shutil.copy(HERE / f"{name}.cpp", folder / "source")
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if yard.ccache else []
    environment = {**prefix.environment(), "CMAKE_PREFIX_PATH": str(folder / "link")}
    yard.run("cmake", "-G", "Ninja", "-S", folder / "source", "-B", folder / "build", *launcher,
             f"-DCMAKE_CXX_COMPILER={compiler}", environment=environment)
    rules = (folder / "build/build.ninja").read_text()
    check("-isystem" not in rules, "antiphon's headers are marked as the system's")
    check(f"-I{prefix.path}/include" in rules, "antiphon's headers aren't those of the prefix")
    yard.run("ninja", "-C", folder / "build", environment=environment)
    stays_outside(folder / "build")
    yard.run("ctest", "--output-on-failure", cwd=folder / "build", environment=environment)


def meson_finds_it(yard, kind, compiler="g++"):
    prefix = yard.installed(kind)
    folder = direct_consumer(yard)
    environment = {**prefix.environment(), **yard.meson_environment(compiler)}
    yard.run("meson", "setup", "build", "--wrap-mode=nofallback", cwd=folder, environment=environment)
    yard.run("meson", "compile", "-C", "build", cwd=folder, environment=environment)
    stays_outside(folder / "build")
    yard.run("meson", "test", "-C", "build", "--print-errorlogs", cwd=folder, environment=environment)


def shared_library_exports_only_what_is_ours(yard, libraries):
    for library in libraries:
        exported = yard.run("nm", "-DC", "--defined-only", library).splitlines()
        check(len(exported) > 100, exported)
        for line in exported:
            # Asio has one of each of its variables in a process; see lib/antiphon.map.
            ours = re.match(r"[0-9a-f]+ (. (.* (for|thunk to) )?(antiphon::|std::hash<antiphon::)"
                            r"|[uVBD] (.* for )?boost::asio::)", line)
            check(ours, f"exported: {line}")
        # Those of internal linkage (an L in the name) each unit has of its own, wherever it lies.
        anew = re.compile(r"[0-9a-f]+ [bd] _Z(GV)?Z?N5boost4asio(?!.*(_GLOBAL__N_1|L\d+\w+E$|E3loc(_\d+)?$))")
        hidden = list(filter(anew.match, yard.run("nm", "--defined-only", library).splitlines()))
        check(not hidden, lambda: f"variables of Asio's that the program has again: {hidden[:5]}")


@case("a static library: the installed files are those listed")
def static_files(yard):
    installed_files_are_those_listed(yard, "static")


@case("a shared library: the installed files are those listed", slow=True)
def shared_files(yard):
    installed_files_are_those_listed(yard, "shared")


@case("pkg-config's files are valid, can be moved, and say what to link with: {}", [("static",)])
@case("pkg-config's files are valid, can be moved, and say what to link with: {}", [("shared",)], slow=True)
def pkg_config_files(yard, kind):
    pkg_config_files_can_be_moved(yard, kind)


@case("the core has nothing of the relay, the testing library or the tools")
def parts_are_separate(yard):
    prefix = yard.installed("static")
    told = yard.run("nm", "-C", prefix.libdir / "libantiphon.a")
    foreign = [line for line in told.splitlines() if re.search(r"antiphon::(relay|testing)::|CLI::|benchmark::", line)]
    check(not foreign, lambda: f"in libantiphon.a: {foreign[:5]}")
    core = (prefix.pkgconfig / "antiphon.pc").read_text()
    check(not re.search(r"relay|testing|CLI|doctest", core), core)
    for part in ("relay", "testing"):
        text = (prefix.pkgconfig / f"antiphon_{part}.pc").read_text()
        check("Requires: antiphon = 0.1.0\n" in text, text)
        told = yard.run("nm", "-C", "--defined-only", prefix.libdir / f"libantiphon_{part}.a")
        check(f"antiphon::{part}::" in told, f"libantiphon_{part}.a has nothing of its own")


@case("antiphon's headers define no macro but their own")
def no_macros(yard):
    prefix = yard.installed("static")
    told = yard.run("g++", "-std=c++20", "-E", "-dD", "-x", "c++", "-",
                    *yard.flags(prefix, "--cflags", "antiphon"), text=everything(prefix))
    inside, foreign, seen = False, [], False
    for line in told.splitlines():
        if line.startswith("# "):
            inside = f"{prefix.path}/include/antiphon/" in line
            seen = seen or inside
        elif inside and re.match(r"#(define|undef) (?!ANTIPHON_)", line):
            foreign.append(line)
    check(seen, "no header of antiphon's was read")
    check(not foreign, lambda: f"{foreign}")


# --- installed, and used --------------------------------------------------------------------------------


@case("pkg-config, static: a call")
def pkg_config_static(yard):
    yard.compile(yard.installed("static"), "call")


@case("pkg-config, {} library: {} with {} and {}",
      [(kind, source, compiler, standard) for kind in ("static", "shared") for source in PARTS
       for compiler in COMPILERS for standard in STANDARDS if source == "call" or standard == "c++20"], slow=True)
def pkg_config(yard, kind, source, compiler, standard):
    yard.compile(yard.installed(kind), source, package=PARTS[source], compiler=compiler, standard=standard)


@case("pkg-config: a call compiled with {}", [("-O2",), ("-O3 -DNDEBUG",)], slow=True)
def optimised(yard, options):
    yard.compile(yard.installed("static"), "call", *options.split())


@case("CMake, static: versions, components, called twice, a moved prefix, and a call to each part")
def cmake_static(yard):
    cmake_finds_it(yard, "static")


@case("CMake, shared: versions, components, called twice, a moved prefix, and a call to each part, with {}",
      [(compiler,) for compiler in COMPILERS], slow=True)
def cmake_shared(yard, compiler):
    cmake_finds_it(yard, "shared", compiler)


@case("Meson, nofallback: the installed antiphon is found, static, with a call to each part")
def meson_static(yard):
    meson_finds_it(yard, "static")


@case("Meson, nofallback: the installed antiphon is found, shared, with {}", [(one,) for one in COMPILERS], slow=True)
def meson_shared(yard, compiler):
    meson_finds_it(yard, "shared", compiler)


@case("two units that include every header link with all three libraries")
def two_units(yard):
    prefix = yard.installed("static")
    folder = yard.new_folder("everything")
    (folder / "one.cpp").write_text(everything(prefix) + "void other();\nint main() { other(); }\n")
    (folder / "other.cpp").write_text(everything(prefix) + "void other();\nvoid other() {}\n")
    packages = PARTS.values()
    for name in ("one", "other"):
        yard.run(*yard.compiler(), "-std=c++20", *LOUD, "-c", f"{name}.cpp",
                 *yard.flags(prefix, "--cflags", *packages), cwd=folder)
    yard.run("g++", "one.o", "other.o", *yard.flags(prefix, "--libs", *packages), "-o", "both", cwd=folder)
    yard.run(folder / "both")


@case("every public header compiles alone, and without a warning, with {} as {}",
      [(compiler, standard) for compiler in COMPILERS for standard in STANDARDS], slow=True)
def headers_alone(yard, compiler, standard):
    prefix = yard.installed("static")
    yard.compiler(compiler)
    flags = yard.flags(prefix, "--cflags", "antiphon")
    for header in public_headers(prefix):
        yard.run(compiler, f"-std={standard}", *LOUD, "-fsyntax-only", "-x", "c++", "-", *flags,
                 text=f"#include <{header}>\n")


# --- a shared library's boundary ------------------------------------------------------------------------


@case("a shared library exports only what is ours, and exceptions and categories are the same on both sides")
def boundary_of_a_linked_library(yard):
    # Of the static library's objects, in a moment; `./dev consumers` takes what Meson builds.
    prefix = yard.installed("static")
    folder = yard.new_folder("boundary")
    library = folder / "libantiphon.so"
    yard.run("g++", "-shared", "-o", library, f"-Wl,--version-script={yard.source() / 'lib/antiphon.map'}",
             "-Wl,--whole-archive", prefix.libdir / "libantiphon.a", "-Wl,--no-whole-archive", "-lboost_json", "-lfmt")
    shared_library_exports_only_what_is_ours(yard, [library])
    yard.run(*yard.compiler(), "-std=c++20", *LOUD, f"-I{prefix.path}/include", "-c", HERE / "boundary.cpp",
             "-o", "boundary.o", cwd=folder)
    yard.run("g++", "boundary.o", library, f"-Wl,-rpath,{folder}", "-lboost_json", "-o", "boundary", cwd=folder)
    yard.run(folder / "boundary", seconds=60)


@case("the shared libraries export only what is ours", slow=True)
def boundary(yard):
    prefix = yard.installed("shared")
    shared_library_exports_only_what_is_ours(
        yard, [prefix.libdir / f"lib{name}.so" for name in ("antiphon", "antiphon_relay")])
    for name in ("antiphon", "antiphon_relay"):
        told = yard.run("readelf", "-d", prefix.libdir / f"lib{name}.so")
        check(f"[lib{name}.so.0.1]" in told, f"another soname: {told}")


@case("exceptions and categories are the same on both sides of a shared library, with {}",
      [(compiler,) for compiler in COMPILERS], slow=True)
def across_the_boundary(yard, compiler):
    yard.compile(yard.installed("shared"), "boundary", compiler=compiler)


# --- Meson subprojects ----------------------------------------------------------------------------------


def direct_consumer(yard):
    folder = yard.new_folder("direct")
    shutil.copytree(HERE / "meson_direct", folder, dirs_exist_ok=True)
    for name in PARTS:
        shutil.copy(HERE / f"{name}.cpp", folder)
    return folder


def embed(yard, folder):
    """antiphon as a subproject, found by its wrap's [provide] alone."""
    (folder / "subprojects").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "antiphon.wrap", folder / "subprojects")
    shutil.copytree(yard.source(), folder / "subprojects/antiphon")


def configure(yard, folder, *options):
    return yard.run("meson", "setup", "build", *options, cwd=folder, environment=yard.meson_environment())


def build_and_test(yard, folder):
    yard.run("meson", "compile", "-C", "build", cwd=folder)
    stays_outside(folder / "build")
    yard.run("meson", "test", "-C", "build", "--print-errorlogs", cwd=folder)


def parameters(yard, folder, name):
    targets = loads(yard.run("meson", "introspect", "--targets", folder / "build"))
    target = next(one for one in targets if one["name"] == name)
    return [one for source in target["target_sources"] for one in source.get("parameters", [])]


@case("Meson subproject: no flag, macro, option or program of antiphon's reaches the consumer")
def nothing_leaks(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    chosen = {"buildtype": "plain", "warning_level": "2", "werror": True, "default_library": "shared",
              "cpp_std": "c++20", "b_lto": False, "unity": "off"}
    configure(yard, folder, *(f"-D{name}={str(value).lower()}" for name, value in chosen.items()))
    plain = set(parameters(yard, folder, "plain"))
    for name in PARTS:
        more = [one for one in parameters(yard, folder, name) if one not in plain]
        others = [one for one in more if not one.startswith("-I") and one != "-pthread"]
        check(not others, f"{name} is compiled with {others}")
    targets = loads(yard.run("meson", "introspect", "--targets", folder / "build"))
    own = {*PARTS, "plain"}
    theirs = {one["name"] for one in targets if one["name"] not in own}
    check(theirs == {"antiphon", "antiphon_relay", "antiphon_testing"}, f"targets: {theirs}")
    values = {one["name"]: one["value"] for one in loads(yard.run("meson", "introspect", "--buildoptions",
                                                                  folder / "build"))}
    for name, value in chosen.items():
        check(values[name] == value, f"the consumer's {name} is {values[name]}")
    linking = [line for line in (folder / "build/build.ninja").read_text().split("build ") if line.startswith("call:")]
    check(len(linking) == 1 and "version-script" not in linking[0], linking)


@case("Meson subproject, {}: a call to each part", [("static",), ("shared",)], slow=True)
def subproject(yard, kind):
    folder = direct_consumer(yard)
    embed(yard, folder)
    configure(yard, folder, f"-Ddefault_library={kind}", "-Doptimization=0")
    build_and_test(yard, folder)


@case("Meson subproject of a subproject, {}: a call", [("static",), ("shared",)], slow=True)
def nested_subproject(yard, kind):
    folder = yard.new_folder("nested")
    shutil.copytree(HERE / "meson_nested", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("middle*"))
    embed(yard, folder / "subprojects/middle")
    shutil.copytree(HERE / "meson_nested/middle", folder / "subprojects/middle", dirs_exist_ok=True)
    shutil.copy(HERE / "meson_nested/middle.wrap", folder / "subprojects")
    configure(yard, folder, f"-Ddefault_library={kind}", "-Doptimization=0")
    build_and_test(yard, folder)


@case("Meson, nofallback: without an installed antiphon the consumer is told so")
def nothing_to_find(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    told = yard.run("meson", "setup", "build", "--wrap-mode=nofallback", cwd=folder, code=1,
                    environment=yard.meson_environment())
    check("antiphon" in told.splitlines()[-3] + told, told)


@case("Meson subproject and consumer without RTTI: a call to each part", slow=True)
def without_rtti(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    configure(yard, folder, "-Dcpp_rtti=false", "-Doptimization=0")
    check("-fno-rtti" in parameters(yard, folder, "call"), "the consumer has RTTI")
    build_and_test(yard, folder)


@case("README: its wrap, its meson.build and its server are all that a program needs", slow=True)
def readme(yard):
    text = (yard.source() / "README.md").read_text()
    wrap = re.search(r"```ini\n(\[wrap-git\].*?)```", text, re.DOTALL)[1]
    meson = re.search(r"```meson\n(project\(.*?)```", text, re.DOTALL)[1]
    server = re.search(r"<!-- file: examples/1_tutorial/server.cpp -->\n```cpp\n(.*?)```", text, re.DOTALL)[1]
    repository = yard.new_folder("repository")
    shutil.copytree(yard.source(), repository, dirs_exist_ok=True)
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-C", repository]
    yard.run(*git, "init", "-q", "-b", "main")
    yard.run(*git, "add", "-A")
    yard.run(*git, "commit", "-q", "-m", "a copy")
    folder = yard.new_folder("hello")
    (folder / "subprojects").mkdir()
    check("url = ADDRESS\n" in wrap, wrap)
    (folder / "subprojects/antiphon.wrap").write_text(wrap.replace("ADDRESS", f"file://{repository}"))
    (folder / "meson.build").write_text(meson)
    (folder / "hello.cpp").write_text(server)
    configure(yard, folder, "-Doptimization=0")
    yard.run("meson", "compile", "-C", "build", cwd=folder)
    body = '{"jsonrpc":"2.0","id":1,"method":"add","params":[19,23]}'
    told = yard.run(folder / "build/hello", text=f"Content-Length: {len(body)}\r\n\r\n{body}", seconds=60)
    check('"result":42' in told, told)


# --- what the wraps bring -------------------------------------------------------------------------------


def wraps(yard):
    return {name: (yard.source() / f"subprojects/{name}.wrap").read_text() for name in ("boost", "doctest", "fmt")}


def member(wrap, name):
    found = re.search(rf"^{name} = (.*)$", wrap, re.MULTILINE)
    check(found, f"no {name} in a wrap:\n{wrap}")
    return found[1]


def debian_tarballs(yard):
    """Debian's sources of fmt and doctest, and a tarball of its Boost headers: {wrap: (file, its folder)}."""

    def make():
        if not shutil.which("apt-get"):
            raise Missing("apt-get isn't there")
        folder = yard.new_folder("debian")
        (folder / "lists").mkdir()
        (folder / "sources.list").write_text("deb-src http://deb.debian.org/debian bookworm main\n")
        options = ["-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
                   "-o", f"Dir::State::Lists={folder}/lists", "-o", "APT::Sandbox::User=root"]
        try:
            yard.run("apt-get", *options, "update", cwd=folder, seconds=120)
            yard.run("apt-get", *options, "source", "--download-only", "fmtlib", "doctest", cwd=folder, seconds=120)
        except (Failure, subprocess.TimeoutExpired) as problem:
            raise Missing(f"Debian's source packages can't be downloaded here: {problem}") from problem
        found = {}
        for name, package in (("fmt", "fmtlib"), ("doctest", "doctest")):
            file = next(folder.glob(f"{package}_*.orig.tar.*"))
            with tarfile.open(file) as tar:
                found[name] = file, tar.next().name.split("/")[0]
        if not Path("/usr/include/boost/json/src.hpp").exists():
            raise Missing("libboost1.81-dev isn't installed")
        with tarfile.open(folder / "boost.tar", "w") as tar:
            tar.add("/usr/include/boost", "boost_1_81_0/boost")
        found["boost"] = folder / "boost.tar", "boost_1_81_0"
        return found

    return yard.once("Debian's tarballs", make)


def put_in_place_of_the_pinned(folder, subprojects, tarballs):
    """Changes the wraps in `subprojects` to take other tarballs, from the package cache of the project in `folder`."""
    cache = folder / "subprojects/packagecache"
    cache.mkdir()
    for name, (file, directory) in tarballs.items():
        shutil.copy(file, cache)
        wrap = (subprojects / f"{name}.wrap").read_text()
        for key, value in (("directory", directory), ("source_filename", file.name),
                           ("source_url", "http://localhost:9/nothing-is-downloaded"),
                           ("source_hash", sha256(file.read_bytes()).hexdigest())):
            wrap = wrap.replace(f"{key} = {member(wrap, key)}", f"{key} = {value}")
        (subprojects / f"{name}.wrap").write_text(wrap)


def all_fall_back(yard, tarballs):
    folder = direct_consumer(yard)
    embed(yard, folder)
    if tarballs:
        put_in_place_of_the_pinned(folder, folder / "subprojects/antiphon/subprojects", tarballs)
    told = configure(yard, folder, "--wrap-mode=forcefallback", "-Doptimization=0")
    for name in ("boost", "fmt", "antiphon"):
        check(re.search(rf"Executing subproject (antiphon:)?{name}\b", told), f"{name} is not built: {told}")
    build_and_test(yard, folder)
    deps = yard.run("ninja", "-C", folder / "build", "-t", "deps")
    check("/usr/include/boost" not in deps and "/usr/include/fmt" not in deps, "the system's headers were used")


@case("Meson, forcefallback: fmt and Boost are built from the wraps, with Debian's tarballs in place of the pinned",
      slow=True)
def fallbacks_of_debian(yard):
    all_fall_back(yard, debian_tarballs(yard))


@case("Meson, forcefallback: fmt and Boost are built from the pinned tarballs", slow=True)
def pinned_fallbacks(yard):
    for wrap in wraps(yard).values():
        address = member(wrap, "source_url")
        try:
            urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=10).close()
        except OSError as problem:
            raise Missing(f"{address} can't be reached here ({problem}); the case before has the rest") from problem
    all_fall_back(yard, None)


@case("the wrap of doctest gives <doctest/doctest.h>, with Debian's tarball in place of the pinned", slow=True)
def doctest_falls_back(yard):
    tarballs = debian_tarballs(yard)
    folder = yard.new_folder("doctest")
    (folder / "meson.build").write_text("project('tests', 'cpp')\n"
                                        "executable('tests', 'tests.cpp', dependencies: dependency('doctest'))\n")
    (folder / "tests.cpp").write_text('#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n#include <doctest/doctest.h>\n'
                                      'TEST_CASE("one") { CHECK(1 + 1 == 2); }\n')
    shutil.copytree(yard.source() / "subprojects", folder / "subprojects")
    put_in_place_of_the_pinned(folder, folder / "subprojects", tarballs)
    configure(yard, folder, "--wrap-mode=forcefallback")
    yard.run("meson", "compile", "-C", "build", cwd=folder)
    deps = yard.run("ninja", "-C", folder / "build", "-t", "deps")
    check("/usr/include/doctest" not in deps and "doctest/doctest.h" in deps, "the system's doctest was used")
    check("1 passed" in yard.run(folder / "build/tests"), "the test ran")


@case("the wraps say whence, which bytes, and for what dependency")
def wraps_are_pinned(yard):
    for name, wrap in wraps(yard).items():
        check(re.fullmatch(r"[0-9a-f]{64}", member(wrap, "source_hash")), wrap)
        check(member(wrap, "source_url").startswith("https://"), wrap)
        provided = wrap.partition("[provide]")[2]
        check(re.search(rf"^({name} = |dependency_names = {name}$)", provided, re.MULTILINE), wrap)
        check((yard.source() / "subprojects/packagefiles" / member(wrap, "patch_directory")).is_dir(), wrap)


# --- what it costs to compile ---------------------------------------------------------------------------


BOOST_ALONE = "#include <boost/asio/awaitable.hpp>\n#include <boost/json/value.hpp>\n"


def tutorial_server(yard):
    return (yard.source() / "examples/1_tutorial/server.cpp").read_text()


def seconds_to_compile(yard, *texts, enough=0.0):
    """Of the processor, for each text the best of three; one round does where all are under `enough`.

    They take turns, so that what else the machine does hits all of them."""
    include = yard.installed("static").path / "include"
    folder = yard.new_folder("cost")
    best = [float("inf")] * len(texts)
    for _ in range(3):
        for index, text in enumerate(texts):
            (folder / "unit.cpp").write_text(text)
            command = ["g++", "-std=c++20", f"-I{include}", "-c", "unit.cpp"]
            process = subprocess.Popen(command, cwd=folder, env=yard.base)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            check(process.returncode == 0, f"g++ ended with {process.returncode}")
            best[index] = min(best[index], usage.ru_utime)
        if max(best) < enough:
            break
    return best


@case(f"the tutorial's server compiles in under {SERVER_SECONDS:g} s, antiphon/fwd.hpp in under {NAMES_SECONDS:g} s",
      alone=True)
def cheap_to_compile(yard):
    names, = seconds_to_compile(yard, "#include <antiphon/fwd.hpp>\n", enough=NAMES_SECONDS)
    took, = seconds_to_compile(yard, tutorial_server(yard), enough=SERVER_SECONDS)
    print(f"compiled: the server {took:.1f} s, antiphon/fwd.hpp {names:.2f} s", flush=True)
    check(names < NAMES_SECONDS, f"antiphon/fwd.hpp: {names:.2f} s")
    if took >= SERVER_SECONDS:
        # A slow machine, or a busy one?
        cheap_beside_boost(yard)


@case(f"the tutorial's server compiles in {TIMES_BOOST:g} times what the headers of Boost do that it can't do without",
      slow=True, alone=True)
def cheap_beside_boost(yard):
    took, least = seconds_to_compile(yard, tutorial_server(yard), BOOST_ALONE)
    told = f"the server {took:.1f} s, Boost's headers alone {least:.1f} s, {took / least:.2f} times"
    print(f"compiled: {told}", flush=True)
    check(took < TIMES_BOOST * least, told)


def run(one, yard):
    name, function, row, _, _ = one
    try:
        function(yard, *row)
    except Missing as what:
        return name, "skipped", str(what)
    except (Failure, subprocess.SubprocessError, OSError, ValueError, KeyError, TypeError) as problem:
        return name, "failed", f"{type(problem).__name__}: {problem}"
    return name, "passed", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="the build directory")
    parser.add_argument("--all", action="store_true", help="build the library in each way")
    parser.add_argument("-k", dest="filter", default="", help="run the cases whose name holds this text")
    options = parser.parse_args()
    selected = [one for one in CASES if options.filter in one[0] and (options.all or not one[3])]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory(prefix="antiphon-consumer-") as folder, ThreadPool(os.cpu_count()) as several:
        yard = Yard(Path(options.build).resolve(), Path(folder))
        together = several.imap_unordered(lambda one: run(one, yard), [one for one in selected if not one[4]])
        for outcomes in (together, (run(one, yard) for one in selected if one[4])):
            for name, outcome, problem in outcomes:
                counts[outcome] += 1
                if outcome != "passed" or options.all:
                    print(f"{ {'failed': 'FAILED', 'skipped': 'SKIP', 'passed': 'ok'}[outcome]} {name}", flush=True)
                if problem:
                    print(f"  {problem}", flush=True)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
