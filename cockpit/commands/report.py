"""`cockpit report [RUN] [--out DIR]`: the evidence, self-contained."""

from __future__ import annotations

from pathlib import Path

from cockpit import record
from cockpit.engine import layout
from cockpit.exits import BAD, GOOD, answer
from cockpit.report.write import write


def run(run: str = "", out: Path | None = None) -> int:
    """Write a run's report; 1 where its journal is damaged, which the report says."""
    found = record.read(layout.find(run))
    paths = write(found, out or found.directory.path / "report")
    answer("\n".join(str(path) for path in paths))
    return BAD if found.state.damage else GOOD
