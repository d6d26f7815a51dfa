from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DRIVERS = ("psycopg", "httpx", "h11", "dns", "python_on_whales", "prometheus_client")
"""What only the engine and its runners load."""


def loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["cockpit.tui.app", "cockpit.engine.client"])
def test_the_viewer_loads_no_driver_of_the_outside_world_and_no_yaml(module: str) -> None:
    assert loaded_by(module).isdisjoint({*DRIVERS, "yaml"})


def test_commands_start_without_the_screen() -> None:
    assert loaded_by("cockpit.cli").isdisjoint({"textual", "rich", *DRIVERS})


def test_actions_and_checks_are_described_without_their_drivers() -> None:
    registries = "cockpit.actions.registry, cockpit.checks.registry"
    assert loaded_by(registries).isdisjoint({"textual", *DRIVERS})


def test_only_the_screen_imports_textual() -> None:
    elsewhere = [
        str(path.relative_to(REPOSITORY))
        for path in (REPOSITORY / "cockpit").rglob("*.py")
        if "tui" not in path.parts and "textual" in imported(path)
    ]
    assert elsewhere == []


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    return names


def test_the_layers_hold() -> None:
    done = subprocess.run(
        (Path(sys.executable).with_name("lint-imports"), "--no-cache"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
