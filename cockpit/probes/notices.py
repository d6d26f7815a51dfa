"""Notices that were written to the run directory's file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import FileNotifier

LAST = 5
"""How many of the newest lines the service's own page repeats."""


async def sample(probe: Probe, context: ProbeContext) -> Sample:  # noqa: ARG001 - the shape of a probe
    """Count them."""
    notifiers = context.runbook.profile.notifiers.values()
    names = {one.file for one in notifiers if isinstance(one, FileNotifier)}
    if not names:
        return Sample("silent", "no file", detail=("no notifier writes to a file",))
    lines = await asyncio.to_thread(_lines, [context.run_directory / name for name in names])
    return Sample("fine", f"{len(lines)} sent", float(len(lines)), tuple(lines[-LAST:]))


def _lines(paths: list[Path]) -> list[str]:
    found = [path.read_text(encoding="utf-8") for path in paths if path.exists()]
    return [line for text in found for line in text.splitlines() if line.strip()]
