"""`way-back.md`: what a rollback would do now, as commands, for when the cockpit itself is gone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cockpit.actions import registry as actions
from cockpit.actions.paper import Sheet, fenced
from cockpit.decision.rollback import cannot_bring_back, given_up_by, settled, steps_back
from cockpit.journal.events import Json
from cockpit.journal.state import RunState
from cockpit.redact import printable
from cockpit.runbook.model import Runbook, Step

_LOG = logging.getLogger(__name__)
HOW = """Do these in order, each only when the one before it is proved. Paste each block into bash
on this host, as who may read the files of the secrets, all in one folder; a block stops at its
first error."""


def page(runbook: Runbook, state: RunState, run_directory: Path, unwritten: list[str]) -> str:
    """The whole page; the steps that it has no commands of are added to `unwritten`."""
    head = (
        f"# The way back of {state.run}",
        "",
        f"Written after event {state.seq} of the journal, head {state.head}.",
        f"Environment {state.environment}, plan {state.plan}.",
        "",
    )
    steps = steps_back(runbook, state)
    if final := given_up_by(runbook, state):
        body = _none_left(final, state)
    elif steps:
        body = _wanted(runbook, state, run_directory, steps, unwritten)
    else:
        body = _nothing(runbook, state)
    return printable("\n".join((*head, *body)) + "\n")


def _none_left(final: Step, state: RunState) -> Iterator[str]:
    how = "is done" if state.step(final.id).status == "done" else "began"
    yield f"There is no way back any more: “{final.title}” (`{final.id}`) {how}."
    yield ""
    yield "Keep the new side open, and DNS on it: nothing on the old side can be relied on."


def _nothing(runbook: Runbook, state: RunState) -> Iterator[str]:
    undone = [
        (step, undoing)
        for step in runbook.forward
        for undoing in runbook.procedure.rollback
        if any(undone == str(step.id) for undone in undoing.undoes)
        and state.step(step.id).began
        and state.step(undoing.id).status == "done"
    ]
    if not undone:
        yield "Nothing has been done yet that would have to be taken back."
        return
    why = settled(runbook, state)
    yield f"Nothing is left to take back{f': {why}' if why else ''}. What was undone, and by what:"
    yield ""
    for step, undoing in undone:
        yield f"- {step.title} (`{step.id}`): {undoing.title} (`{undoing.id}`)"


def _wanted(
    runbook: Runbook,
    state: RunState,
    run_directory: Path,
    steps: tuple[Step, ...],
    unwritten: list[str],
) -> Iterator[str]:
    yield from (*HOW.splitlines(), "")
    if lost := cannot_bring_back(runbook, state):
        yield from ("It cannot bring back:", "", *(f"- {what}" for what in lost), "")
    recorded: dict[str, dict[str, Json]] = {
        step.id: state.step(step.id).recorded for step in runbook.steps()
    }
    for number, step in enumerate(steps, start=1):
        yield from (f"## {number}. {step.title}", "", step.why, "")
        sheet = Sheet(runbook, step, recorded, run_directory)
        yield from _commands(sheet, unwritten)
        for undone in step.undoes:
            if found := recorded.get(undone):
                words = printable(msgspec.json.encode(found).decode())
                yield from ("", f"What {undone} recorded: `{words}`")
        yield from ("", f"It worked when: {step.success_looks_like}", "")


def _commands(sheet: Sheet, unwritten: list[str]) -> Iterator[str]:
    """A step's commands; one whose commands cannot be made leaves all others as they are."""
    step = sheet.step
    try:
        lines = [printable(line) for line in actions.paper(step.action, sheet)]
    except Exception:  # noqa: BLE001  the page's boundary: logged whole, told on the page and on the screen
        _LOG.exception("the commands of %s could not be made", step.id)
        unwritten.append(step.title)
        yield f"ITS COMMANDS COULD NOT BE WRITTEN. Do by hand what the runbook says of `{step.id}`:"
        yield f"`{sheet.run_directory}/plan/` has a copy."
    else:
        yield from fenced(lines)
