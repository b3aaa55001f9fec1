"""What is installed, found by Meson."""

import re

from cases import case, check
from meson_project import build_and_test, configure, direct_consumer, embed
from yard import COMPILERS


@case("Meson, nofallback: the installed antiphon is found, {}, with a call to each part", [("static",)])
@case("Meson, nofallback: the installed antiphon is found, {}, with {}",
      [("shared", compiler) for compiler in COMPILERS], slow=True)
def found(yard, kind, compiler="g++"):
    prefix = yard.installed(kind)
    folder = direct_consumer(yard)
    configure(yard, folder, "--wrap-mode=nofallback", compiler=compiler, environment=prefix.environment())
    build_and_test(yard, folder, prefix.environment())


@case("Meson, nofallback: without an installed antiphon the consumer is told so")
def nothing_to_find(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    told = configure(yard, folder, "--wrap-mode=nofallback", code=1)
    check(re.search("ERROR: Dependency .antiphon. .*not found", told), told)
