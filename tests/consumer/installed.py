"""What is installed."""

import re

from cases import case, check
from yard import HERE, PARTS


@case("a {} library: the installed files are those listed", [("static",)])
@case("a {} library: the installed files are those listed", [("shared",)], slow=True)
def installed_files(yard, kind):
    prefix = yard.installed(kind)
    tools = "tools/antiphon/antiphon:" in (yard.build / "build.ninja").read_text()
    wanted = set()
    for line in (HERE / "installed_files.txt").read_text().splitlines():
        name, _, when = line.partition(" ")
        if when in ("", kind) or (when == "tools" and tools and kind == yard.own_kind()):
            wanted.add(name)
    libdir = str(prefix.libdir.relative_to(prefix.path))
    got = {re.sub(f"^{re.escape(libdir)}/", "LIBDIR/", str(file.relative_to(prefix.path)))
           for file in prefix.path.glob("**/*") if not file.is_dir()}
    outside = [str(file) for file in prefix.sysroot.glob("**/*")
               if not file.is_dir() and not file.is_relative_to(prefix.path)]
    check(not outside, f"outside of the prefix: {outside}")
    check(got == wanted, f"not in installed_files.txt: {sorted(got - wanted)}; missing: {sorted(wanted - got)}")


@case("pkg-config's files are valid, can be moved, and say what to link with: {}", [("static",)])
@case("pkg-config's files are valid, can be moved, and say what to link with: {}", [("shared",)], slow=True)
def pkg_config_files(yard, kind):
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
