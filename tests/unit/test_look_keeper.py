from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from cockpit.durable import OPENED, SHARED
from cockpit.engine.client import Client
from cockpit.engine.core import Core
from cockpit.engine.layout import RunDirectory
from cockpit.engine.looks import AT_ONCE, Looks
from cockpit.redact import Redactor
from cockpit.secrets import Secrets
from cockpit.telemetry.codec import read_look
from cockpit.telemetry.look import Look

BESIDE = "api"
PROBES = [*(f"web{number}" for number in range(AT_ONCE + 1)), "outside", BESIDE]


@dataclass
class FakeLook:
    """Stands in for one that reads a container's log."""

    probe: str
    follows: bool = False
    lines: list[tuple[float, str]] = field(default_factory=list)

    def look(self) -> Look:
        return Look(self.probe, "follows", log=tuple(self.lines))

    async def run(self) -> None:
        self.follows = True
        try:
            await asyncio.Event().wait()
        finally:
            self.follows = False


class FakeCore:
    """What the looks need of an engine."""

    def __init__(self, folder: Path) -> None:
        self.directory = RunDirectory(folder)
        self.directory.viewers.mkdir()
        self.viewers: set[str] = set()
        self.redactor = Redactor()
        self.secrets = Secrets({}, self.redactor)
        self.made: list[FakeLook] = []
        self.world = SimpleNamespace(service_look=self._service_look)
        probes = [SimpleNamespace(id=one) for one in PROBES]
        self.runbook = SimpleNamespace(procedure=SimpleNamespace(probes=probes))

    def _service_look(self, probe: str) -> FakeLook | None:
        if probe == "outside":
            return None
        # A service that is watched from outside is read by the probe of its container.
        self.made.append(FakeLook("box" if probe == BESIDE else probe))
        return self.made[-1]

    def looks_at(self, viewer: str, probe: str) -> None:
        self.viewers.add(viewer)
        Client(self.directory, viewer).look_at(probe)

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.looks.glob("*"))


@pytest.fixture
def core(tmp_path: Path) -> FakeCore:
    return FakeCore(tmp_path)


def keeper(core: FakeCore) -> Looks:
    return Looks(cast("Core", core))


async def beat(looks: Looks) -> None:
    await looks.beat()
    await asyncio.sleep(0)


async def test_a_service_is_followed_while_somebody_looks_and_not_longer(core: FakeCore) -> None:
    looks = keeper(core)
    await beat(looks)
    assert (core.made, core.files) == ([], [])
    core.looks_at("1:1", "web0")
    await beat(looks)
    assert core.made[0].follows
    assert core.files == ["web0.json"]
    core.looks_at("1:1", "")
    await beat(looks)
    assert not core.made[0].follows
    assert core.files == []


async def test_the_log_of_a_container_beside_a_service_is_found_by_the_service(
    core: FakeCore,
) -> None:
    looks = keeper(core)
    core.looks_at("1:1", BESIDE)
    await beat(looks)
    found = read_look(core.directory.looks / f"{BESIDE}.json")
    assert found is not None
    assert (found.probe, found.state) == (BESIDE, "follows")


async def test_a_viewer_that_is_gone_looks_at_nothing(core: FakeCore) -> None:
    looks = keeper(core)
    core.looks_at("1:1", "web0")
    await beat(looks)
    core.viewers.clear()
    await beat(looks)
    assert (core.made[0].follows, core.files) == (False, [])


async def test_two_who_look_at_one_service_share_it(core: FakeCore) -> None:
    looks = keeper(core)
    core.looks_at("1:1", "web0")
    core.looks_at("2:2", "web0")
    await beat(looks)
    core.looks_at("1:1", "")
    await beat(looks)
    assert [one.follows for one in core.made] == [True]
    await looks.close()


async def test_when_the_engine_ends_nothing_is_followed_any_more(core: FakeCore) -> None:
    looks = keeper(core)
    core.looks_at("1:1", "web0")
    await beat(looks)
    await looks.close()
    assert (core.made[0].follows, core.files) == (False, [])


async def test_what_an_engine_that_was_killed_left_behind_is_cleared_away(core: FakeCore) -> None:
    core.directory.looks.mkdir()
    (core.directory.looks / "web0.json").write_text("{}")
    keeper(core)
    assert core.files == []


async def test_a_viewer_sees_what_comes_without_secrets(core: FakeCore) -> None:
    core.redactor.learn("token", "kQ3v9fLxhunter")
    looks = keeper(core)
    core.looks_at("1:1", "web0")
    await beat(looks)
    core.made[0].lines.append((5.0, "signed with kQ3v9fLxhunter"))
    await beat(looks)
    seen = read_look(core.directory.looks / "web0.json")
    assert seen is not None
    assert seen.log == ((5.0, "signed with [token hidden]"),)
    await looks.close()


async def test_in_a_shared_run_both_sides_read_what_the_other_writes(core: FakeCore) -> None:
    core.directory.path.chmod(SHARED)
    core.directory.viewers.chmod(OPENED)
    looks = keeper(core)
    core.looks_at("1:1", "web0")
    await beat(looks)
    seen = core.directory.looks / "web0.json"
    asked = core.directory.viewers / "1:1"
    modes = [one.stat().st_mode & 0o7777 for one in (core.directory.looks, seen, asked)]
    assert modes == [SHARED, 0o640, 0o640]
    await looks.close()


async def test_more_services_than_can_be_followed_are_refused_in_words(core: FakeCore) -> None:
    looks = keeper(core)
    for number in range(AT_ONCE + 1):
        core.looks_at(f"{number}:1", f"web{number}")
    await beat(looks)
    seen = read_look(core.directory.looks / f"web{AT_ONCE}.json")
    assert len(core.made) == AT_ONCE
    assert seen is not None
    assert (seen.state, "has to be left first" in seen.words) == ("refused", True)
    core.looks_at("0:1", "")
    await beat(looks)
    await beat(looks)
    assert core.made[-1].follows
    await looks.close()


async def test_a_service_without_a_container_has_no_log_and_says_why(core: FakeCore) -> None:
    looks = keeper(core)
    core.looks_at("1:1", "outside")
    await beat(looks)
    seen = read_look(core.directory.looks / "outside.json")
    assert seen is not None
    assert (seen.state, "watched from outside" in seen.words) == ("refused", True)


@pytest.mark.parametrize("asked", ["../../etc/passwd", "nothing", "web0\nweb1", "\udcff"])
async def test_only_what_the_runbook_names_is_looked_at(core: FakeCore, asked: str) -> None:
    core.viewers.add("1:1")
    (core.directory.viewers / "1:1").write_bytes(asked.encode("utf-8", "surrogateescape"))
    await beat(keeper(core))
    assert (core.made, core.files) == ([], [])


async def test_a_link_among_the_viewers_is_not_followed(core: FakeCore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("web0")
    core.viewers.add("1:1")
    (core.directory.viewers / "1:1").symlink_to(tmp_path / "elsewhere")
    await beat(keeper(core))
    assert core.made == []


async def test_a_disk_that_takes_nothing_stops_no_engine(core: FakeCore) -> None:
    looks = keeper(core)
    core.directory.looks.write_text("in the way")
    core.looks_at("1:1", "web0")
    await beat(looks)
    core.directory.looks.unlink()
    await beat(looks)
    assert core.files == ["web0.json"]
    await looks.close()
