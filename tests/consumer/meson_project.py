"""Projects of Meson that use antiphon."""

import shutil

from yard import HERE, PARTS


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


def configure(yard, folder, *options, compiler="g++", environment=None, code=0):
    return yard.run("meson", "setup", "build", *options, cwd=folder, code=code,
                    environment={**yard.meson_environment(compiler), **(environment or {})})


def build_and_test(yard, folder, environment=None):
    yard.run("meson", "compile", "-C", "build", cwd=folder, environment=environment)
    yard.stays_outside(folder / "build")
    yard.run("meson", "test", "-C", "build", "--print-errorlogs", cwd=folder, environment=environment)


def parameters(targets, name):
    """What the compiler is given for a target, one of those that Meson lists."""
    target = next(one for one in targets if one["name"] == name)
    return [one for source in target["target_sources"] for one in source.get("parameters", [])]
