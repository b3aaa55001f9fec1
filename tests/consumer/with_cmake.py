"""What is installed, found by CMake."""

import shutil

from cases import case, check, need
from yard import COMPILERS, HERE, PARTS


@case("CMake, {}: versions, components, called twice, a moved prefix, and a call to each part", [("static",)])
@case("CMake, {}: versions, components, called twice, a moved prefix, and a call to each part, with {}",
      [("shared", compiler) for compiler in COMPILERS], slow=True)
def found(yard, kind, compiler="g++"):
    need("cmake")
    need(compiler)
    prefix = yard.installed(kind)
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
    yard.stays_outside(folder / "build")
    yard.run("ctest", "--output-on-failure", "--no-tests=error", cwd=folder / "build", environment=environment)
