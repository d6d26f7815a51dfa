from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed() -> list[tuple[str, ast.Module]]:
    return [
        (str(path.relative_to(REPOSITORY)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted((REPOSITORY / "cockpit").rglob("*.py"))
    ]


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for name, tree in parsed():
        for node in ast.walk(tree):
            yield name, node


def functions() -> list[tuple[str, Function]]:
    return [(name, node) for name, node in nodes() if isinstance(node, Function)]


def screen_classes() -> list[tuple[str, ast.ClassDef]]:
    return [
        (name, node)
        for name, node in nodes()
        if isinstance(node, ast.ClassDef) and name.startswith("cockpit/tui/")
    ]


def length(node: Function | ast.ClassDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    modules = list((REPOSITORY / "cockpit").rglob("*.py"))
    sizes = {str(path): path.read_text(encoding="utf-8").count("\n") for path in modules}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [f"{name}:{one.lineno} {one.name}" for name, one in functions() if length(one) > 50]
    assert long == []


def test_functions_are_short_as_a_rule() -> None:
    lengths = sorted(length(one) for _, one in functions())
    assert statistics.mean(lengths) <= 12
    assert lengths[int(0.95 * len(lengths))] <= 36


def test_every_function_says_what_it_returns() -> None:
    silent = [f"{name}:{one.lineno} {one.name}" for name, one in functions() if one.returns is None]
    assert silent == []


def test_no_class_of_the_screen_knows_everything() -> None:
    big = [
        f"{name} {one.name}"
        for name, one in screen_classes()
        if sum(isinstance(part, Function) for part in one.body) > 20
    ]
    assert big == []


def test_the_app_stays_small() -> None:
    apps = [
        (f"{name} {one.name}", length(one))
        for name, one in screen_classes()
        if any("App" in ast.unparse(base) for base in one.bases)
    ]
    assert [name for name, size in apps if size > 150] == []


def test_test_modules_have_names_of_their_own() -> None:
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
