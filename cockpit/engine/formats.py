"""Older run directories: brought up to this program's format before an engine works in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cockpit.durable import replace_file
from cockpit.engine.layout import FORMAT, OTHER_VERSION, RunDirectory
from cockpit.errors import Refused
from cockpit.runbook.sources import GIVEN

About = dict[str, Any]


def migrate(directory: RunDirectory) -> None:
    """Bring a run up to the newest format; Refused where a newer program wrote it."""
    if newer := directory.newer:
        raise Refused(newer, where=str(directory.path), mend=OTHER_VERSION)
    path = directory.path / "run.json"
    about: About = json.loads(path.read_bytes())
    if about["format"] == FORMAT:
        return
    for number in range(about["format"], FORMAT):
        about = {**_STEPS[number](directory, about), "format": number + 1}
    replace_file(path, json.dumps(about).encode())


def _with_source(directory: RunDirectory, about: About) -> About:
    """Format 2 names the folder of the runbook, which the frozen copy knows."""
    given = json.loads((directory.plan(about["plan"]) / GIVEN).read_bytes())
    return {**about, "source": given["origin"]}


_STEPS: Mapping[int, Callable[[RunDirectory, About], About]] = {1: _with_source}
"""What each older format lacks of the next one."""
