"""What every action kind offers: a pure description, and a run inside a runner's child process.

A module `cockpit.actions.KIND` has

    describe(action, runbook) -> tuple[str, ...]     pure: exactly what will run, line by line
    paper(action, sheet) -> tuple[str, ...]          pure: the same as commands for bash
    foresee(action, runbook, secrets) -> Foreseen    async, where the outside decides: only reads
    run(action, context) -> Mapping[str, Json]       async: acts; returns what later steps may need

`run` raises ActionFailed in the operator's words. Whatever it says goes through `context.say`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cockpit.actions.paper import Sheet
from cockpit.clock import Clock
from cockpit.journal.events import Json
from cockpit.runbook.actions import Action
from cockpit.runbook.model import Runbook, Step
from cockpit.secrets import Secrets


@dataclass(frozen=True)
class ActionContext:
    """What an action may use."""

    runbook: Runbook
    step: Step
    attempt: int
    folder: Path
    """The attempt's own folder, for files that belong to it."""
    run_directory: Path
    """`exports/` and `notices.txt` lie in it."""
    clock: Clock
    secrets: Secrets
    say: Callable[[str], None]
    """One line of output, redacted on its way."""
    recorded: Mapping[str, Mapping[str, Json]]
    """What the newest attempts of other steps recorded, by step id."""
    lab: str | None = None
    """In rehearsal: the base URL of the lab's operations."""
    acting: tuple[int, ...] = ()
    """Descriptors that its programs inherit: while one is open, the step may still act."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the outside would make of an action now, where its description cannot know."""

    lines: tuple[str, ...] = ()
    """For a person; nothing in them changes by itself."""
    digest: str = ""
    """Of all of it; empty where nothing has to be foreseen."""
    closed: tuple[str, ...] = ()
    """Why it must not begin now; empty where it may."""


class ActionKind(Protocol):
    """The shape of a module of `cockpit.actions`."""

    def describe(self, action: Action, runbook: Runbook) -> tuple[str, ...]:
        """Exactly what will run."""
        ...

    def paper(self, action: Action, sheet: Sheet) -> tuple[str, ...]:
        """The same as commands to paste."""
        ...

    async def run(self, action: Action, context: ActionContext) -> Mapping[str, Json]:
        """Act."""
        ...
