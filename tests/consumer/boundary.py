"""A shared library's boundary: what it exports, and what is one and the same on both of its sides."""

import re

from cases import case, check
from yard import COMPILERS, HERE, LOUD


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
