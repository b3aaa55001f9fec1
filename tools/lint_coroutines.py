#!/usr/bin/env python3
"""Finds the coroutine forms that g++ 12.2 compiles wrongly, without a word (clang-query 19 does the looking).

    lint_coroutines.py --build DIR   every source file in DIR/compile_commands.json, and what it includes of ours
    lint_coroutines.py --self-test   the finder itself, on tools/lint_coroutines_sample.cpp
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "tools/lint_coroutines_sample.cpp"
CLANG_QUERY = "clang-query-19"

# What a match means, by the name it is bound to in QUERY.
RULES = {
    "condition": "co_await in a condition; name its result first: auto x = co_await f();",
    "conditional_operator": "co_await in a conditional operator; write an if",
    "temporary": "an aggregate temporary, or a closure that owns something, beside a co_await;"
                 " take two steps: auto op = call(...); co_await std::move(op);",
    "initializer_list": "a braced list beside a co_await; name it first",
    "aggregate": "co_await inside braces; name its result first",
    "capture": "co_await in a capture; name its result first",
}

# A temporary and a co_await only disturb each other within one full expression of one function: a closure
# whose own body awaits is innocent. Hence the comparison of the functions they stand in.
QUERY = """
set output diag
set bind-root false
let awaits expr(anyOf(coawaitExpr(), hasDescendant(coawaitExpr())))
let same decl(equalsBoundNode("function"))
let nearby exprWithCleanups(forCallable(same), hasDescendant(coawaitExpr(forCallable(same))))
match ifStmt(hasCondition(awaits)).bind("condition")
match ifStmt(hasConditionVariableStatement(hasDescendant(coawaitExpr()))).bind("condition")
match whileStmt(hasCondition(awaits)).bind("condition")
match doStmt(hasCondition(awaits)).bind("condition")
match forStmt(hasCondition(awaits)).bind("condition")
match switchStmt(hasCondition(awaits)).bind("condition")
match conditionalOperator(hasDescendant(coawaitExpr())).bind("conditional_operator")
match cxxBindTemporaryExpr(anyOf(has(initListExpr()), has(lambdaExpr())), \
forCallable(decl().bind("function")), hasAncestor(nearby)).bind("temporary")
match cxxStdInitializerListExpr(forCallable(decl().bind("function")), hasAncestor(nearby)).bind("initializer_list")
match initListExpr(hasDescendant(coawaitExpr())).bind("aggregate")
match lambdaExpr(hasAnyCapture(lambdaCapture(capturesVar(varDecl(isInitCapture(), hasInitializer(awaits)))))).bind("capture")
"""

BOUND = re.compile(r'^(.+?):(\d+):(\d+): note: "(\w+)" binds here$', re.MULTILINE)
ERROR = re.compile(r"^(?:\S+: (?:fatal )?error: .*|\d+:\d+: Error .*)$", re.MULTILINE)


def query(source, database_arguments):
    """({(path, line, rule)}, [errors]) of one source file and the headers of ours that it includes."""
    with tempfile.NamedTemporaryFile("w", suffix=".query") as script:
        script.write(QUERY.replace("\\\n", ""))
        script.flush()
        done = subprocess.run(
            [CLANG_QUERY, "--extra-arg=-w", "-f", script.name, str(source), *database_arguments],
            capture_output=True, text=True, cwd=ROOT,
        )
    found = set()
    for path, line, _, rule in BOUND.findall(done.stdout):
        path = Path(os.path.normpath(ROOT / path))
        if rule in RULES and ROOT in path.parents and "subprojects" not in path.relative_to(ROOT).parts:
            found.add((str(path.relative_to(ROOT)), int(line), rule))
    errors = ERROR.findall(done.stdout + done.stderr)
    if done.returncode and not errors:
        errors = [f"{source}: {CLANG_QUERY} exited with {done.returncode}: {done.stderr.strip()[-300:]}"]
    return found, errors


def project_sources(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {Path(os.path.normpath(Path(c["directory"]) / c["file"])) for c in commands}
    return sorted(f for f in files if ROOT in f.parents and "subprojects" not in f.relative_to(ROOT).parts)


def lint(build):
    sources = project_sources(build)
    found, errors = set(), []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for matches, problems in pool.map(lambda source: query(source, ["-p", str(build)]), sources):
            found |= matches
            errors += problems
    for path, line, rule in sorted(found):
        print(f"{path}:{line}: {RULES[rule]}")
    for problem in errors:
        print(problem)
    print(f"coroutines: {len(sources)} source files, {len(found)} forms that g++ 12 miscompiles")
    return 1 if found or errors or not sources else 0


def self_test():
    wanted = {
        (number, rule)
        for number, line in enumerate(SAMPLE.read_text().splitlines(), 1)
        for rule in re.findall(r"// finds (\w+)", line)
    }
    matches, errors = query(SAMPLE, ["--", "-std=c++20"])
    # One line may well be wrong in two ways; each line that must be found has to be, under its own name.
    found = {(line, rule) for _, line, rule in matches}
    wrong = {(line, rule) for line, rule in found if line not in {number for number, _ in wanted}}
    problems = [f"{SAMPLE.name}:{line}: did not find {rule}" for line, rule in sorted(wanted - found)]
    problems += [f"{SAMPLE.name}:{line}: found {rule}, and should not" for line, rule in sorted(wrong)] + errors
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(wanted & found)} passed, {len(problems)} failed")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, help="a build directory with compile_commands.json")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.build:
        parser.error("--build is needed")
    return lint(options.build.resolve())


if __name__ == "__main__":
    sys.exit(main())
