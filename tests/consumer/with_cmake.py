"""What is installed, found by CMake."""

import shutil

from cases import Missing, case, check
from yard import COMPILERS, HERE, PARTS, stays_outside


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


@case("CMake, static: versions, components, called twice, a moved prefix, and a call to each part")
def cmake_static(yard):
    cmake_finds_it(yard, "static")


@case("CMake, shared: versions, components, called twice, a moved prefix, and a call to each part, with {}",
      [(compiler,) for compiler in COMPILERS], slow=True)
def cmake_shared(yard, compiler):
    cmake_finds_it(yard, "shared", compiler)
