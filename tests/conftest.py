from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.leftovers import end_all, processes_of

LAB = Path(__file__).parent / "lab"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# How long an example takes tells of the machine and what else it does, not of the rule.
settings.register_profile("rules", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rules")


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "cockpit"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "COLORTERM", "LC_ALL", "PGPASSWORD", "PGSSLMODE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    yield
    # What was asked to end a moment ago may take that moment.
    deadline = time.monotonic() + 5
    while (left := processes_of(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    end_all(tmp_path)
    assert not left, "the test left engines or runners behind"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of this host can reach, unlike pytest's own."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def pytest_configure() -> None:
    # Drawn once, before other workers begin: all of them inherit it.
    os.environ.setdefault("COCKPIT_KILL_SEED", str(random.randrange(10**6)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"COCKPIT_KILL_SEED={os.environ['COCKPIT_KILL_SEED']}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(LAB):
            item.add_marker(pytest.mark.timeout(300))
