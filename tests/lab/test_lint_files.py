from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.model import Stack
from cockpit.stack.resolve import ComposeRefused, resolve
from cockpit.stack.rules import lint
from tests.fakes.stack_cases import CALM
from tests.lab.test_stack_config import plugins


@pytest.fixture(autouse=True)
def _compose_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", plugins().name)


def target(folder: Path) -> ComposeTarget:
    return ComposeTarget(
        kind="compose", project="p", directory=str(folder), files=("compose.yaml",)
    )


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


async def test_the_file_that_is_included_or_extended_is_named(tmp_path: Path) -> None:
    base = {"image": "web:latest", "ports": ["9000:9000"]}
    write(tmp_path, "base.yaml", {"services": {"base": base}})
    write(tmp_path, "more.yaml", {"services": {"more": {"image": "more:latest"}}})
    web = {"extends": {"file": "base.yaml", "service": "base"}}
    write(tmp_path, "compose.yaml", {"include": ["more.yaml"], "services": {"web": web}})
    found = await resolve(target(tmp_path), ".")
    said = lint(Stack(found.config, found.layers, CALM))
    places = {(one.rule, one.service): one.place for one in said}
    assert places["image-latest", "web"] == "base.yaml:3"
    assert places["port-open", "web"].startswith("base.yaml:")
    assert places["image-latest", "more"] == "more.yaml:3"


async def test_a_file_of_several_documents_is_read_whole(tmp_path: Path) -> None:
    text = "services: {web: {image: 'web:1'}}\n---\nservices:\n  web:\n    restart: always\n"
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    found = await resolve(target(tmp_path), ".")
    assert found.config["services"]["web"]["restart"] == "always"
    assert found.layers.origin(("services", "web", "restart")) == "compose.yaml:5"


async def test_files_that_compose_refuses_are_told_apart_from_a_place_that_is_not_there(
    tmp_path: Path,
) -> None:
    write(tmp_path, "compose.yaml", {"services": {"web": {"image": 3}}})
    with pytest.raises(ComposeRefused, match="must be a string"):
        await resolve(target(tmp_path), ".")
