from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from cockpit.actions import compose_foresee
from cockpit.actions.base import Foreseen
from cockpit.actions.compose_plan import short
from cockpit.actions.docker_engine import client
from cockpit.actions.docker_engine import engine as asked
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import TargetId
from tests.lab.fix_tiles import IMAGE, lab_engine, without_image, write_build
from tests.lab.stack_engine import Engine, listening
from tests.lab.stack_project import perform

OTHER = "cockpit-other:1"
PLAIN = {
    "image": IMAGE,
    "command": ["sleep", "1000"],
    "network_mode": "none",
    "init": True,
    "stop_grace_period": "0s",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with lab_engine() as made:
        container = made.docker("create", IMAGE, "true").strip()
        made.docker("commit", "--change", "LABEL it=differs", container, OTHER)
        made.docker("rm", container)
        yield made


@dataclass
class Project:
    """A database, a web service that waits for it, and a one-off."""

    engine: Engine
    folder: Path
    name: str
    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, **changes: dict[str, Any]) -> None:
        own = {"depends_on": ["database"], "env_file": ["web.env"]}
        self.services = {
            "web": {**PLAIN, **own},
            "database": dict(PLAIN),
            "migrate": {**PLAIN, "image": OTHER, "profiles": ["tools"], "command": ["true"]},
        }
        for service, changed in changes.items():
            self.services[service] |= changed
        services = {name: without_image(one) for name, one in self.services.items()}
        text = yaml.safe_dump({"services": services})
        (self.folder / "compose.yaml").write_text(text, encoding="utf-8")

    def foreseen(
        self,
        *services: str,
        operation: Literal["up", "run", "stop"] = "up",
        environment: dict[str, str] | None = None,
    ) -> Foreseen:
        action = ComposeAction(
            kind="compose",
            target=TargetId("stack"),
            operation=operation,
            services=services,
            environment=environment or {},
        )
        return compose_foresee.foreseen(action, client(self.target, "."))

    @property
    def target(self) -> ComposeTarget:
        return ComposeTarget(
            kind="compose",
            project=self.name,
            directory=str(self.folder),
            files=("compose.yaml",),
            context=self.engine.host,
        )

    def lines(self, *services: str, **more: Any) -> tuple[str, ...]:
        return self.foreseen(*services, **more).lines[:-1]

    def compose(self, *words: str) -> str:
        file = ("--file", str(self.folder / "compose.yaml"), "--project-name", self.name)
        return self.engine.docker("compose", *file, *words)

    def up(self) -> None:
        self.compose("up", "--detach", "--pull", "never")

    def there(self) -> dict[str, tuple[str, str]]:
        """Each running service's container and image."""
        ids = self.compose("ps", "--quiet").split()
        found = json.loads(self.engine.docker("inspect", *ids)) if ids else []
        return {
            one["Config"]["Labels"]["com.docker.compose.service"]: (one["Id"], one["Image"])
            for one in found
        }

    def started(self, service: str) -> str:
        container = self.there()[service][0]
        return self.engine.docker("inspect", "--format", "{{.State.StartedAt}}", container)

    def image(self, name: str) -> str:
        return short(self.engine.docker("image", "inspect", "--format", "{{.Id}}", name).strip())


@pytest.fixture
def project(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    monkeypatch.setenv("DOCKER_CONFIG", engine.environment["DOCKER_CONFIG"])
    (tmp_path / "web.env").write_text("COLOUR=blue\n", encoding="utf-8")
    made = Project(engine, tmp_path, f"foreseen{abs(hash(request.node.name)) % 10**6}")
    made.write()
    try:
        yield made
    finally:
        made.compose("down", "--timeout", "0")


def test_on_an_empty_host_it_names_what_it_starts_and_what_comes_with_it(project: Project) -> None:
    image = project.image(IMAGE)
    assert project.lines("web") == (f"database starts: {image}", f"web starts: {image}")


def test_what_runs_as_the_files_say_stays(project: Project) -> None:
    project.up()
    before, image = project.there(), project.image(IMAGE)
    assert project.lines() == (f"database stays: {image}", f"web stays: {image}")
    project.up()
    assert project.there() == before


def test_other_counts_of_replicas_name_what_goes_and_what_comes(project: Project) -> None:
    image = project.image(IMAGE)
    project.write(web={"deploy": {"replicas": 3}})
    project.up()
    name = f"{project.name}-web"
    project.write(web={"deploy": {"replicas": 1}})
    words = f"web stays: {image}; STOPPED AND REMOVED: {name}-2, {name}-3"
    assert words in project.lines()
    digest = project.foreseen().digest
    project.write(web={"deploy": {"replicas": 4}})
    assert f"web stays: {image}; beside it {name}-4" in project.lines()
    assert project.foreseen().digest != digest


def test_a_wait_is_not_over_before_each_replica_is_there_and_counts_services(
    project: Project,
) -> None:
    project.write(web={"deploy": {"replicas": 3}})
    done = perform(project.target, "up", "web")
    assert not done.failed
    assert done.said[-1].startswith("2 services ready, 4 containers, after ")
    project.engine.docker("rm", "--force", f"{project.name}-web-2")
    failed = perform(project.target, "wait", "web").failed
    assert failed == "web is not ready: 2 of 3 containers that Compose wants are there"
    project.write(web={"deploy": {"replicas": 2}})
    done = perform(project.target, "wait", "web")
    assert done.said[-1].startswith("1 service ready, 2 containers, after ")


def test_what_was_stopped_starts_again(project: Project) -> None:
    project.up()
    project.compose("stop", "web")
    assert f"web starts again: {project.image(IMAGE)}" in project.lines()


@pytest.mark.parametrize("how", ["in the file", "in an env_file", "by a variable of the step"])
def test_another_configuration_replaces_one_container_and_says_so_first(
    project: Project, how: str
) -> None:
    project.write(web={"environment": {"SHADE": "${SHADE:-dark}"}})
    project.up()
    before, image, given = project.there(), project.image(IMAGE), {}
    if how == "in the file":
        project.write(web={"environment": {"SHADE": "light"}})
    elif how == "in an env_file":
        (project.folder / "web.env").write_text("COLOUR=red\n", encoding="utf-8")
    else:
        given = {"SHADE": "light"}
    words = f"web is replaced (another configuration): {image} stops, {image} starts"
    assert project.lines(environment=given) == (f"database stays: {image}", words)
    if not given:
        project.up()
        after = project.there()
        assert after["database"] == before["database"]
        assert after["web"][0] != before["web"][0]


def test_what_is_restarted_after_its_dependency_does_not_stay(project: Project) -> None:
    after = {"database": {"condition": "service_started", "restart": True}}
    project.write(web={"depends_on": after})
    project.up()
    project.write(web={"depends_on": after}, database={"environment": {"A": "b"}})
    before, image = project.there(), project.image(IMAGE)
    words = f"database is replaced (another configuration): {image} stops, {image} starts"
    again = f"web is stopped and started again, after what it depends on: {image}"
    assert project.lines("web") == (words, again)
    began = project.started("web")
    project.up()
    assert project.there()["web"] == before["web"]
    assert project.started("web") != began


def test_another_image_is_named_by_both_ids_and_they_are_what_stops_and_starts(
    project: Project,
) -> None:
    project.up()
    project.write(web={"image": OTHER})
    former, coming = project.image(IMAGE), project.image(OTHER)
    assert former != coming
    words = f"web is replaced (another image): {former} stops, {coming} starts"
    assert project.lines("web") == (f"database stays: {former}", words)
    assert short(project.there()["web"][1]) == former
    project.up()
    assert short(project.there()["web"][1]) == coming


def test_an_image_that_is_built_anew_under_the_same_name_is_another(project: Project) -> None:
    name = f"{project.name}:built"
    project.engine.docker("tag", IMAGE, name)
    project.write(web={"image": name})
    project.up()
    before = project.foreseen("web").digest
    project.engine.docker("tag", OTHER, name)
    former, coming = project.image(IMAGE), project.image(OTHER)
    words = f"web is replaced (another image): {former} stops, {coming} starts"
    assert words in project.lines("web")
    assert project.foreseen("web").digest != before


def test_an_image_that_compose_names_itself_is_told_by_its_id(project: Project) -> None:
    write_build(project.folder, "first")
    project.write(web={"build": ".", "depends_on": []})
    name = f"{project.name}-web"
    assert project.lines("web") == ("web starts: an image that is not on this host",)
    project.compose("build", "web")
    first = project.image(name)
    assert project.lines("web") == (f"web starts: {first}",)
    assert project.lines("web", operation="run") == (f"web: {first} before",)
    project.up()
    before = project.foreseen("web").digest
    write_build(project.folder, "second")
    project.compose("build", "web")
    words = f"web is replaced (another image): {first} stops, {project.image(name)} starts"
    assert project.lines("web") == (words,)
    assert project.foreseen("web").digest != before


def test_an_image_that_is_not_here_is_said(project: Project) -> None:
    project.write(web={"image": "nowhere:1"})
    assert "web starts: an image that is not on this host" in project.lines("web")


def test_a_one_off_of_a_profile_that_is_off_is_named_with_its_image(project: Project) -> None:
    words = f"migrate: {project.image(OTHER)} before"
    assert project.lines("migrate", operation="run") == (words,)


def test_a_stop_names_the_containers_that_it_stops(project: Project) -> None:
    project.up()
    container = project.there()["web"][0]
    words = f"web: its container {container[:12]} of {project.image(IMAGE)}"
    assert project.lines("web", operation="stop") == (words,)


def test_looking_changes_nothing_on_the_engine(project: Project) -> None:
    project.up()
    project.write(web={"image": OTHER}, database={"environment": {"A": "b"}})
    before = project.there(), project.engine.docker("ps", "--all", "--quiet", "--no-trunc")
    first, second = project.foreseen(), project.foreseen()
    assert first == second
    assert (
        project.there(),
        project.engine.docker("ps", "--all", "--quiet", "--no-trunc"),
    ) == before


def test_an_engine_that_is_halted_holds_nobody_who_asks_it(project: Project) -> None:
    async def impatient() -> None:
        async with asyncio.timeout(1):
            await asked(project.target)

    pid = listening(project.engine.folder / "docker.sock")
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            asyncio.run(impatient())
    finally:
        os.kill(pid, signal.SIGCONT)
    assert asyncio.run(asked(project.target))["ID"]
