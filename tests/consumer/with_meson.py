"""What is installed, found by Meson."""

from cases import case, check
from meson_project import direct_consumer, embed
from yard import COMPILERS, stays_outside


def meson_finds_it(yard, kind, compiler="g++"):
    prefix = yard.installed(kind)
    folder = direct_consumer(yard)
    environment = {**prefix.environment(), **yard.meson_environment(compiler)}
    yard.run("meson", "setup", "build", "--wrap-mode=nofallback", cwd=folder, environment=environment)
    yard.run("meson", "compile", "-C", "build", cwd=folder, environment=environment)
    stays_outside(folder / "build")
    yard.run("meson", "test", "-C", "build", "--print-errorlogs", cwd=folder, environment=environment)


@case("Meson, nofallback: the installed antiphon is found, static, with a call to each part")
def meson_static(yard):
    meson_finds_it(yard, "static")


@case("Meson, nofallback: the installed antiphon is found, shared, with {}", [(one,) for one in COMPILERS], slow=True)
def meson_shared(yard, compiler):
    meson_finds_it(yard, "shared", compiler)


@case("Meson, nofallback: without an installed antiphon the consumer is told so")
def nothing_to_find(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    told = yard.run("meson", "setup", "build", "--wrap-mode=nofallback", cwd=folder, code=1,
                    environment=yard.meson_environment())
    check("antiphon" in told.splitlines()[-3] + told, told)
