from __future__ import annotations

import ssl
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cockpit.probes.listener import ROUNDS, SELDOM_ROUNDS, Container, is_due
from cockpit.stack.engine import engine
from tests.engine.test_service_look import FakeDocker, served_by

LOOKS = range(SELDOM_ROUNDS + 1)


def container(status: str = "running", **state: Any) -> Container:
    return Container({"State": {"Status": status, **state}})


def inspected_at(known: Container, listed: str) -> list[int]:
    return [count for count in LOOKS if is_due(known, listed, count)]


def test_a_container_with_a_health_check_is_inspected_each_minute_for_its_output() -> None:
    known = container(Health={"Status": "healthy"})
    assert inspected_at(known, "running") == list(range(ROUNDS, SELDOM_ROUNDS + 1, ROUNDS))


def test_a_container_without_one_is_inspected_now_and_then() -> None:
    assert inspected_at(container(), "running") == [SELDOM_ROUNDS]


def test_a_container_that_the_engine_lists_in_another_state_is_inspected_at_once() -> None:
    assert inspected_at(container(), "exited") == list(LOOKS)
    assert inspected_at(container("exited"), "running") == list(LOOKS)


def test_a_container_that_is_not_well_is_inspected_at_each_look() -> None:
    assert inspected_at(container("restarting"), "restarting") == list(LOOKS)
    assert inspected_at(container(Health={"Status": "starting"}), "running") == list(LOOKS)


async def test_a_docker_engine_is_reached_without_reading_any_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(*_: object, **__: object) -> None:
        pytest.fail("certificates are read for a socket of this host")

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", read)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", read)
    with TemporaryDirectory(prefix="look-") as name:
        async with served_by(FakeDocker(), name) as host, engine(host) as found:
            assert await found.get("/version") == {"ApiVersion": "1.41", "RepoDigests": []}


def test_no_request_searches_the_disk_for_the_module_that_httpcore_asks_for() -> None:
    assert find_spec("sniffio") is not None
