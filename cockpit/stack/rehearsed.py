"""How much memory each service used at most, as the staging runs of this host measured it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from cockpit.runbook.model import Runbook

_MOST = """
select source, max(value) from (
  select source, value from samples where name = 'memory'
  union all select source, value from minutes where name = 'memory'
) group by source
"""
RUNS = 3
"""The newest staging runs that count: an old one ran another program."""


def peaks(runbook: Runbook, target: str, runs: Path | None) -> dict[str, int]:
    """The most bytes that each service was seen to use; empty where nobody measured.

    Telemetry keeps what a container used raw for a day, and as a mean a minute after it.
    """
    probes = runbook.procedure.probes
    services: dict[str, str] = {
        one.id: one.container for one in probes if one.kind == "container" and one.target == target
    }
    found: dict[str, int] = {}
    for path in _telemetry(runs, runbook.procedure.name) if runs and services else ():
        for probe, size in _most(path):
            if service := services.get(probe):
                found[service] = max(found.get(service, 0), round(size))
    return found


def _telemetry(runs: Path, name: str) -> list[Path]:
    found = (runs / "staging").glob(f"{name}-*/telemetry.sqlite")
    return sorted(found, key=lambda path: path.parent.name)[-RUNS:]


def _most(path: Path) -> Iterator[tuple[str, float]]:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
            yield from opened.execute(_MOST).fetchall()
    except sqlite3.Error:
        return  # telemetry may be lost: then nobody measured, and the use of now counts alone
