from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.actions import compose_wait
from tests.lab.stack_engine import Engine, engine
from tests.lab.stack_parts import compose
from tests.lab.stack_project import Outcome, Stack, copied, deploy, make_images


def say(line: str) -> None:
    sys.stderr.write(f"stack: {line}\n")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    """An engine for all tests of a session; `docker` talks to it while they run."""
    with (
        TemporaryDirectory(prefix="cockpit-docker-") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        Path(name).chmod(0o755)
        with engine(Path(name), compose()) as made:
            for variable in ("DOCKER_HOST", "DOCKER_CONFIG"):
                patch.setenv(variable, made.environment[variable])
            yield made


@pytest.fixture(scope="session")
def stack(docker_engine: Engine) -> Stack:
    """The stack's files with secrets, and the images that they name."""
    made = Stack(docker_engine, copied(docker_engine.folder))
    make_images(made, say)
    return made


@pytest.fixture(scope="session")
def deployed(stack: Stack) -> Mapping[str, Outcome]:
    """The stack running, deployed by the cockpit's actions; what they said."""
    done = deploy(stack)
    for name, outcome in done.items():
        assert not outcome.failed, f"{name}: {outcome.failed}"
    return done


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that gives up at the first `unhealthy`: by its own deadline it takes two minutes."""
    own = compose_wait.deadline
    monkeypatch.setattr(
        compose_wait, "deadline", lambda one: 0.0 if one.health == "unhealthy" else own(one)
    )
