"""The installed headers: each alone, and all of them at once."""

import re

from cases import case, check, need
from yard import COMPILERS, LOUD, PARTS, STANDARDS


def public_headers(prefix):
    include = prefix.path / "include"
    return sorted(str(file.relative_to(include)) for file in include.glob("**/*.hpp"))


def everything(prefix):
    return "".join(f"#include <{header}>\n" for header in public_headers(prefix))


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
    check(not foreign, f"they define {foreign}")


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
    need(compiler)
    prefix = yard.installed("static")
    flags = yard.flags(prefix, "--cflags", "antiphon")
    for header in public_headers(prefix):
        yard.run(compiler, f"-std={standard}", *LOUD, "-fsyntax-only", "-x", "c++", "-", *flags,
                 text=f"#include <{header}>\n")
