"""What is installed, found by pkg-config."""

from cases import case
from yard import COMPILERS, PARTS, STANDARDS


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
