"""antiphon as a subproject of Meson's."""

import re
import shutil

from cases import case, check
from meson_project import build_and_test, configure, direct_consumer, embed, parameters
from yard import HERE, PARTS


@case("Meson subproject: no flag, macro, option or program of antiphon's reaches the consumer")
def nothing_leaks(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    chosen = {"buildtype": "plain", "warning_level": "2", "werror": True, "default_library": "shared",
              "cpp_std": "c++20", "b_lto": False, "unity": "off"}
    configure(yard, folder, *(f"-D{name}={str(value).lower()}" for name, value in chosen.items()))
    targets = yard.introspect(folder / "build", "targets")
    plain = set(parameters(targets, "plain"))
    for name in PARTS:
        more = [one for one in parameters(targets, name) if one not in plain]
        others = [one for one in more if not one.startswith("-I") and one != "-pthread"]
        check(not others, f"{name} is compiled with {others}")
    own = {*PARTS, "plain"}
    theirs = {one["name"] for one in targets if one["name"] not in own}
    check(theirs == {"antiphon", "antiphon_relay", "antiphon_testing"}, f"targets: {theirs}")
    values = {one["name"]: one["value"] for one in yard.introspect(folder / "build", "buildoptions")}
    for name, value in chosen.items():
        check(values[name] == value, f"the consumer's {name} is {values[name]}")
    linking = [line for line in (folder / "build/build.ninja").read_text().split("build ") if line.startswith("call:")]
    check(len(linking) == 1 and "version-script" not in linking[0], linking)


@case("Meson subproject, {}: a call to each part", [("static",), ("shared",)], slow=True)
def subproject(yard, kind):
    folder = direct_consumer(yard)
    embed(yard, folder)
    configure(yard, folder, f"-Ddefault_library={kind}", "-Doptimization=0")
    build_and_test(yard, folder)


@case("Meson subproject of a subproject, {}: a call", [("static",), ("shared",)], slow=True)
def nested_subproject(yard, kind):
    folder = yard.new_folder("nested")
    shutil.copytree(HERE / "meson_nested", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("middle*"))
    embed(yard, folder / "subprojects/middle")
    shutil.copytree(HERE / "meson_nested/middle", folder / "subprojects/middle", dirs_exist_ok=True)
    shutil.copy(HERE / "meson_nested/middle.wrap", folder / "subprojects")
    configure(yard, folder, f"-Ddefault_library={kind}", "-Doptimization=0")
    build_and_test(yard, folder)


@case("Meson subproject and consumer without RTTI: a call to each part", slow=True)
def without_rtti(yard):
    folder = direct_consumer(yard)
    embed(yard, folder)
    configure(yard, folder, "-Dcpp_rtti=false", "-Doptimization=0")
    check("-fno-rtti" in parameters(yard.introspect(folder / "build", "targets"), "call"), "the consumer has RTTI")
    build_and_test(yard, folder)


@case("README: its wrap, its meson.build and its server are all that a program needs", slow=True)
def readme(yard):
    text = (yard.source() / "README.md").read_text()
    wrap = re.search(r"```ini\n(\[wrap-git\].*?)```", text, re.DOTALL)[1]
    meson = re.search(r"```meson\n(project\(.*?)```", text, re.DOTALL)[1]
    server = re.search(r"<!-- file: examples/1_tutorial/server.cpp -->\n```cpp\n(.*?)```", text, re.DOTALL)[1]
    repository = yard.new_folder("repository")
    shutil.copytree(yard.source(), repository, dirs_exist_ok=True)
    git = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-C", repository]
    yard.run(*git, "init", "-q", "-b", "main")
    yard.run(*git, "add", "-A")
    yard.run(*git, "commit", "-q", "-m", "a copy")
    folder = yard.new_folder("hello")
    (folder / "subprojects").mkdir()
    check("url = ADDRESS\n" in wrap, wrap)
    (folder / "subprojects/antiphon.wrap").write_text(wrap.replace("ADDRESS", f"file://{repository}"))
    (folder / "meson.build").write_text(meson)
    (folder / "hello.cpp").write_text(server)
    configure(yard, folder, "-Doptimization=0")
    yard.run("meson", "compile", "-C", "build", cwd=folder)
    body = '{"jsonrpc":"2.0","id":1,"method":"add","params":[19,23]}'
    told = yard.run(folder / "build/hello", text=f"Content-Length: {len(body)}\r\n\r\n{body}", seconds=60)
    check('"result":42' in told, told)
