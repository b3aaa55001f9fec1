"""What antiphon's own wraps bring where the system has no Boost, fmt or doctest."""

import re
import shutil
import tarfile
import urllib.request
from hashlib import sha256
from pathlib import Path

from cases import Failure, Missing, case, check, need
from meson_project import build_and_test, configure, direct_consumer, embed


def wraps(yard):
    return {name: (yard.source() / f"subprojects/{name}.wrap").read_text() for name in ("boost", "doctest", "fmt")}


def member(wrap, name):
    found = re.search(rf"^{name} = (.*)$", wrap, re.MULTILINE)
    check(found, f"no {name} in a wrap:\n{wrap}")
    return found[1]


def debian_tarballs(yard):
    """Debian's sources of fmt and doctest, and a tarball of its Boost headers: {wrap: (file, its folder)}."""

    def make():
        need("apt-get")
        folder = yard.new_folder("debian")
        (folder / "lists").mkdir()
        (folder / "sources.list").write_text("deb-src http://deb.debian.org/debian bookworm main\n")
        options = ["-o", f"Dir::Etc::SourceList={folder}/sources.list", "-o", "Dir::Etc::SourceParts=/dev/null",
                   "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}",
                   "-o", "APT::Sandbox::User=root"]
        try:
            yard.run("apt-get", *options, "update", cwd=folder, seconds=120)
            yard.run("apt-get", *options, "source", "--download-only", "fmtlib", "doctest", cwd=folder, seconds=120)
        except Failure as problem:
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
            check(getattr(problem, "code", None) not in (404, 410), f"{address} is gone: {problem}")
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
    check("1 passed" in yard.run(folder / "build/tests"), "the test didn't run")


@case("the wraps say whence, which bytes, and for what dependency")
def wraps_are_pinned(yard):
    for name, wrap in wraps(yard).items():
        check(re.fullmatch(r"[0-9a-f]{64}", member(wrap, "source_hash")), wrap)
        check(member(wrap, "source_url").startswith("https://"), wrap)
        provided = wrap.partition("[provide]")[2]
        check(re.search(rf"^({name} = |dependency_names = {name}$)", provided, re.MULTILINE), wrap)
        check((yard.source() / "subprojects/packagefiles" / member(wrap, "patch_directory")).is_dir(), wrap)
