"""The runbook's own files while its frozen copy runs: what changed, and going over to it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import islice
from pathlib import Path

from cockpit.actions import registry as actions
from cockpit.engine.core import Core
from cockpit.engine.intents import Intent
from cockpit.errors import Refused, RunbookError
from cockpit.journal.events import PlanAccepted, PlanChangeSeen
from cockpit.journal.state import RunState
from cockpit.redact import printable
from cockpit.runbook.differences import Difference, differences, undone_by
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.plan import Plan, freeze, load_plan, thaw
from cockpit.runbook.sources import GIVEN
from cockpit.telemetry.live import PlanChange

Stamp = tuple[tuple[str, int, int, int], ...]
OTHER = "the runbook's files are not what was shown: look again"
MOST_FILES = 2000
"""Files of a runbook's folder that are looked at; more are no runbook's."""
MOST_LINES = 400
"""Lines of a file's difference that are shown."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a run's runbook lies, and what of it runs."""

    folder: Path
    environment: str
    given: dict[str, str]
    frozen: Plan

    def stamp(self) -> Stamp:
        """Which files lie there now: another stamp is worth a look at their bytes."""
        return tuple(islice(_stamps(str(self.folder)), MOST_FILES))

    def changed(self) -> tuple[str, ...]:
        """The files whose bytes are not those of the frozen copy any more."""
        return tuple(
            name
            for name, data in self.frozen.files.items()
            if name != GIVEN and _bytes(self.folder / name) != data
        )

    def load(self) -> Plan:
        """The plan as it lies there now; RunbookError with every mistake."""
        return load_plan(self.folder, self.environment, self.given)


def source_of(core: Core) -> Source:
    """The source of the plan that runs."""
    about = core.about
    return Source(Path(about.source), about.environment, about.given, thaw(core.plan_folder))


def _stamps(folder: str) -> Iterator[tuple[str, int, int, int]]:
    # Looked at for nine days: a path for each file costs more than the look itself.
    try:
        entries = sorted(os.scandir(folder), key=lambda one: one.name)
    except OSError as error:
        _must_be_told(error)
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _stamps(entry.path)
            continue
        with suppress(OSError):
            about = entry.stat()
            yield entry.path, about.st_ino, about.st_size, about.st_mtime_ns


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        _must_be_told(error)
        return None


def _must_be_told(error: OSError) -> None:
    """Gone or closed is a change; that the host has no descriptors left is none."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO):
        raise error


class PlanWatch:
    """Looks at the runbook's files now and then."""

    def __init__(self) -> None:
        self._source: Source | None = None
        self._stamp: Stamp | None = None
        self._new: Plan | None = None
        self._told = ""

    async def look(self, core: Core) -> None:
        """Notice what changed; journaled once, shown until it is accepted or taken back."""
        if core.damage is not None or not core.about.source:
            return
        if self._source is None:
            self._source = await asyncio.to_thread(source_of, core)
        stamp = await asyncio.to_thread(self._source.stamp)
        if stamp != self._stamp:
            self._new, core.plan_change = await asyncio.to_thread(_read, self._source, core)
            self._stamp = stamp
            self._tell(core)
        elif self._new is not None and core.plan_change is not None:
            # What has begun meanwhile may forbid it, or not any more.
            refused = tuple(refusals(self._source.frozen.runbook, self._new.runbook, core.state))
            core.plan_change = replace(core.plan_change, refusals=refused)

    def _tell(self, core: Core) -> None:
        change = core.plan_change
        if change is None or change.is_gone:
            return
        key = change.digest or "; ".join(change.mistakes)
        if key not in (self._told, core.state.plan_seen):
            seen = PlanChangeSeen(change.digest, list(change.files), list(change.mistakes))
            core.ledger.tell(seen)
        self._told = key


def _read(source: Source, core: Core) -> tuple[Plan | None, PlanChange | None]:
    """What is not as it was accepted; None where all is."""
    files = source.changed()
    if not files:
        return None, None
    if not source.folder.is_dir():
        return None, PlanChange(files=(str(source.folder),), is_gone=True)
    try:
        plan = source.load()
    except RunbookError as error:
        mistakes = tuple(line.strip() for line in error.what.splitlines()[1:])
        return None, PlanChange(files=files, mistakes=mistakes or (error.what,))
    return plan, _change(source.frozen, plan, files, core.state)


def _change(old: Plan, new: Plan, files: tuple[str, ...], state: RunState) -> PlanChange:
    # The copy lies elsewhere: what a step runs is compared as if both lay in one place.
    there = replace(new.runbook, directory=old.runbook.directory)
    found = differences(old.runbook, there, _runs)
    return PlanChange(
        digest=new.plan_digest,
        procedure=new.procedure_digest,
        other_procedure=new.procedure_digest != old.procedure_digest,
        files=files,
        rows=tuple((one.name, one.what, one.fields) for one in found),
        texts=tuple(_texts(old, new)),
        begun=tuple(_begun(found, state)),
        refusals=tuple(refusals(old.runbook, new.runbook, state)),
    )


def _runs(step: Step, runbook: Runbook) -> tuple[str, ...]:
    return tuple(printable(line) for line in actions.describe(step.action, runbook))


def _texts(old: Plan, new: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The files that steps name: their lines, since no field of the runbook says them."""
    for name in dict.fromkeys((*old.files, *new.files)):
        was, now = old.files.get(name), new.files.get(name)
        if was != now and name != GIVEN and not name.endswith(".yaml"):
            yield name, tuple(_lines(was or b"", now or b""))


def _lines(was: bytes, now: bytes) -> Iterator[str]:
    try:
        before, after = was.decode().splitlines(), now.decode().splitlines()
    except UnicodeDecodeError:
        yield f"  no text: {len(was)} bytes before, {len(now)} bytes now"
        return
    found = unified_diff(before, after, lineterm="", n=2)
    shown = [printable(line) for line in islice(found, 2, MOST_LINES + 2)]
    yield from shown
    if len(shown) == MOST_LINES:
        yield "  … more than can be shown here"


def _begun(found: tuple[Difference, ...], state: RunState) -> Iterator[str]:
    """The steps that changed although they have begun: what they did stays as it was."""
    for one in found:
        kind, _, name = one.name.partition(" ")
        if kind == "step" and one.what == "changed" and state.step(name).began:
            yield name


def refusals(old: Runbook, new: Runbook, state: RunState) -> Iterator[str]:
    """Why a run cannot go over to another plan; nothing where it can."""
    if (old.name, old.environment) != (new.name, new.environment):
        yield f"it is another runbook: {new.name} in {new.environment}"
    if state.ended:
        yield "the run has ended"
    if state.active is not None:
        yield f"{state.active.id} is under way: let it end, or stop it first"
    if old.t0_step.id != new.t0_step.id:
        yield f"T-0 is another step: {new.t0_step.id} instead of {old.t0_step.id}"
    for step in old.steps():
        if state.step(step.id).began:
            yield from _lost(step, old, new)


def _lost(step: Step, old: Runbook, new: Runbook) -> Iterator[str]:
    """What a step that has begun must not lose."""
    there = {one.id: one for one in new.steps()}
    if step.id not in there:
        yield f"it drops {step.id}, which has begun"
        return
    forward = {one.id for one in old.forward}, {one.id for one in new.forward}
    if (step.id in forward[0]) != (step.id in forward[1]):
        yield f"{step.id}, which has begun, is in another list"
    if undone_by(old, step.id) and not undone_by(new, step.id):
        yield f"nothing would take {step.id} back any more, which has begun"
    if step.no_return != there[step.id].no_return:
        yield f"{step.id}, which has begun, is another point of no return"


async def accept(core: Core, intent: Intent, by: str) -> None:
    """Go over to the runbook as it lies there: the very one that was shown, frozen first."""
    if not intent.text.strip():
        raise Refused("a reason is wanted")
    if core.plan_change is None or core.plan_change.digest != intent.digest:
        raise Refused(OTHER)
    source = await asyncio.to_thread(source_of, core)
    try:
        plan = await asyncio.to_thread(source.load)
    except RunbookError as error:
        raise Refused(f"it has mistakes: {error.what}") from None
    if plan.plan_digest != intent.digest:
        raise Refused(OTHER)
    if plan.plan_digest == core.state.plan:
        raise Refused("that plan runs already")
    await asyncio.to_thread(freeze, plan, core.directory.plan(plan.plan_digest))
    state = core.state
    change = _change(source.frozen, plan, source.changed(), state)
    if change.refusals:
        raise Refused("; ".join(change.refusals))
    core.proposal = None
    told = PlanAccepted(
        plan=plan.plan_digest,
        procedure=plan.procedure_digest,
        former=state.plan,
        changes=list(lines_of(change)),
        begun=list(change.begun),
        reason=intent.text.strip(),
    )
    core.ledger.tell(told, by, intent.id)
    core.again = "the plan was changed"


def lines_of(change: PlanChange) -> Iterator[str]:
    """A change line by line, for the record."""
    for name, what, rows in change.rows:
        if not rows:
            yield f"{name} {what}"
        for field, before, now in rows:
            yield f"{name}: {field}: {before or 'nothing'} -> {now or 'nothing'}"
    for name, lines in change.texts:
        counts = {sign: sum(line.startswith(sign) for line in lines) for sign in "+-"}
        yield f"file {name}: {counts['+']} lines more, {counts['-']} lines less"
    if not change.rows and not change.texts:
        yield f"only words that nothing reads, in {', '.join(change.files)}"
