from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.clock import wall_s
from cockpit.engine.client import Client
from cockpit.engine.start import begin, run_started
from cockpit.runbook.plan import load_plan
from cockpit.telemetry.look import Look
from tests.fakes.crash_runs import KINDS, Run, eventually, some_net, write_runbook

PROBE = """
probes:
  - {id: backend, title: Backend, kind: container, target: stack, container: backend}
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run with a service in a container, of an engine that does not answer."""
    folder = tmp_path / "run"
    folder.mkdir()
    book = write_runbook(folder, some_net(), KINDS)
    for name, after, more in (
        ("runbook.yaml", "kind: http, about", "  stack: {kind: compose, about: What runs here}\n"),
        ("staging.yaml", "  web: {kind", _stack(folder)),
    ):
        text = (book / name).read_text()
        at = text.index("\n", text.index(after)) + 1
        (book / name).write_text(text[:at] + more + text[at:])
    with (book / "runbook.yaml").open("a") as file:
        file.write(PROBE)
    plan = load_plan(book, "staging", {})
    made = Run(folder, begin(plan, {}, run_started(plan, wall_s() + 86400)))
    try:
        made.start()
        yield made
    finally:
        made.end()


def arrived(run: Run) -> Client:
    client = Client(run.directory)
    client.arrive()
    return client


def _stack(folder: Path) -> str:
    about = f"project: x, directory: {folder}, files: [compose.yaml]"
    return f"  stack: {{kind: compose, {about}, context: 'unix://{folder}/no.sock'}}\n"


def seen(client: Client) -> Look:
    found = client.view().look
    assert found is not None
    return found


def looks(client: Client) -> bool:
    found = client.view().look
    return found is not None and "does not answer" in found.words


def test_a_viewer_sees_the_service_that_it_looks_at_until_it_leaves(run: Run) -> None:
    client = arrived(run)
    client.look_at("backend")
    eventually(lambda: looks(client), "the look")
    assert seen(client).state == "waits"
    journal = run.directory.journal.read_bytes()
    client.look_at("")
    eventually(lambda: not list(run.directory.looks.iterdir()), "the end of the look")
    assert client.view().look is None
    assert b"look" not in run.directory.journal.read_bytes().removeprefix(journal)


def test_an_engine_that_is_killed_leaves_a_look_and_the_next_one_goes_on_with_it(run: Run) -> None:
    client = arrived(run)
    client.look_at("backend")
    eventually(lambda: looks(client), "the look")
    run.kill_engine()
    assert [path.name for path in run.directory.looks.iterdir()] == ["backend.json"]
    former = (run.directory.looks / "backend.json").stat().st_ino
    run.start()
    eventually(
        lambda: any(path.stat().st_ino != former for path in run.directory.looks.glob("*.json")),
        "the next engine's look",
    )
    eventually(lambda: looks(client), "the look, again")
