"""Questions to the records of other runs on this host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from cockpit import record
from cockpit.checks.base import CheckContext, Finding
from cockpit.engine.layout import RunDirectory
from cockpit.errors import CockpitError
from cockpit.journal.state import RunState
from cockpit.runbook.checks import CauseCheck, RehearsedCheck
from cockpit.timewords import lasting


async def rehearsed(check: RehearsedCheck, context: CheckContext) -> Finding:
    """A staging run of this very procedure was rolled back, lately enough."""
    environment = context.runbook.environment
    if environment != "production":
        return Finding("pass", f"this run is a {_named(environment)}")
    procedure = context.state.procedure
    if not procedure or context.runs is None:
        return Finding("unknown", "no run has begun, so no procedure is known to compare")
    staged, newest = _lately(check, context, await asyncio.to_thread(_staged, context.runs))
    if newest is None:
        return staged
    earlier = await asyncio.to_thread(_rolled_back, context)
    return _since(staged, newest, earlier, context)


def _lately(
    check: RehearsedCheck, context: CheckContext, found: list[RunState]
) -> tuple[Finding, RunState | None]:
    """The newest rehearsal of this procedure, where it is young enough to count."""
    if not found:
        return Finding("fail", "no staging run on this host was rolled back"), None
    same = [state for state in found if state.procedure == context.state.procedure]
    if not same:
        words = f"{len(found)} staging runs were rolled back, all of other procedures"
        return Finding("fail", words), None
    newest = max(same, key=lambda state: state.ended_at or 0.0)
    age = context.clock.now() - (newest.ended_at or 0.0)
    words = f"{newest.run} was rolled back {lasting(age)} ago"
    if age > check.max_age:
        return Finding("fail", f"{words}, {lasting(check.max_age)} at most"), None
    return Finding("pass", words), newest


def _since(
    staged: Finding, newest: RunState, earlier: list[RunState], context: CheckContext
) -> Finding:
    """A production run that went back wants its cause on record, and a rehearsal after it."""
    unsaid = next((state for state in earlier if not state.cause), None)
    if unsaid is not None:
        mend = f"write it as a note there: `cockpit attach {unsaid.run}`"
        return Finding("fail", f"{unsaid.run} was rolled back, and no cause is on record; {mend}")
    since = max((state.turned_at or 0.0 for state in earlier), default=0.0)
    if since > (newest.ended_at or 0.0):
        back = f"production {lasting(context.clock.now() - since)} ago"
        return Finding("fail", f"{staged.evidence}, {back}: rehearse once more since then")
    return staged


async def cause_written(_check: CauseCheck, context: CheckContext) -> Finding:
    """Somebody wrote down in this run why it went back."""
    environment, state = context.runbook.environment, context.state
    if environment != "production":
        return Finding("pass", f"this run is a {_named(environment)}")
    if state.mode != "roll_back":
        return Finding("fail", "no rollback has begun")
    if not state.cause:
        return Finding("fail", "no note was written since the rollback began; press n")
    return Finding("pass", f"noted: {state.cause}")


def _rolled_back(context: CheckContext) -> list[RunState]:
    """The earlier runs of this runbook in production that turned back after T-0, or before it.

    Their damage is no excuse: a journal that does not hold still says that it went back.
    """
    if context.runs is None:
        return []
    found = _read(context.runs, "production", without=context.run_directory)
    name = context.state.runbook
    return [state for state in found if state.runbook == name and state.mode == "roll_back"]


def _named(environment: str) -> str:
    return "rehearsal" if environment == "rehearsal" else f"{environment} rehearsal"


def _staged(runs: Path) -> list[RunState]:
    return [state for state in _read(runs, "staging") if _counts(state)]


def _counts(state: RunState) -> bool:
    """Whether a run proves its rollback: its journal holds, and always did."""
    return state.ended == "rolled_back" and not state.damage and not state.mended


def _read(runs: Path, environment: str, without: Path | None = None) -> Iterator[RunState]:
    for about in runs.glob(f"{environment}/*/run.json"):
        if about.parent == without:
            continue
        try:
            state = record.read(RunDirectory(about.parent)).state
        except (CockpitError, OSError):
            # A folder that is no readable run is no proof of anything.
            continue
        if state.environment == environment:
            yield state
